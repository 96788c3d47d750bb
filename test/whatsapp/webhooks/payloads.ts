/** Payloads as Meta's pages show them. */
export const NUMBER_ID = '106540352242922';
const ACCOUNT = '366634483210360';
export const AT = 1_790_000_000;

export interface Change {
  readonly field: string;
  readonly value: object;
}

export function payload(...changes: readonly Change[]): object {
  return { object: 'whatsapp_business_account', entry: [{ id: ACCOUNT, changes }] };
}

function head(numberId = NUMBER_ID): object {
  return {
    messaging_product: 'whatsapp',
    metadata: { display_phone_number: '15551234567', phone_number_id: numberId },
  };
}

export function callCreated(wacid: string, more: object = {}): Change {
  const call = { id: wacid, from: '447700900123', to: '15551234567', event: 'call_created', timestamp: String(AT) };
  return { field: 'calls', value: { ...head(), calls: [{ ...call, direction: 'USER_INITIATED', ...more }] } };
}

export function terminate(wacid: string, more: object = {}, beside: object = {}): Change {
  const call = {
    ...{ id: wacid, from: '447700900123', to: '15551234567', event: 'terminate', direction: 'USER_INITIATED' },
    ...{ status: 'COMPLETED', timestamp: String(AT + 60), start_time: String(AT), end_time: String(AT + 60) },
    duration: 60,
  };
  return { field: 'calls', value: { ...head(), calls: [{ ...call, ...more }], ...beside } };
}

export function reply(messageId: string, permission: object = {}, more: object = {}): Change {
  const said = {
    ...{ from: '447700900123', id: messageId, timestamp: String(AT), type: 'interactive' },
    context: { from: '15551234567', id: 'wamid.request' },
    interactive: {
      type: 'call_permission_reply',
      call_permission_reply: {
        ...{ response: 'accept', is_permanent: false, expiration_timestamp: AT + 604_800 },
        ...{ response_source: 'user_action', ...permission },
      },
    },
  };
  return message({ ...said, ...more });
}

export function voicemail(wacid: string, more: object = {}): Change {
  const audio = { id: '1002764438271669', sha256: 'Y9vv=', mime_type: 'audio/ogg; codecs=opus' };
  return message({ from: '447700900123', id: wacid, timestamp: String(AT), type: 'audio', audio, ...more });
}

export function message(said: object): Change {
  const contacts = [{ profile: { name: 'Pablo' }, wa_id: '447700900123', user_id: 'GB.1349' }];
  return { field: 'messages', value: { ...head(), contacts, messages: [said] } };
}

export function settings(calling: object | null, more: object = {}): Change {
  const value = { messaging_product: 'whatsapp', timestamp: String(AT), type: 'phone_number_settings', ...more };
  return {
    field: 'account_settings_update',
    value: { ...value, phone_number_settings: { phone_number_id: NUMBER_ID, calling } },
  };
}

export function account(value: object): Change {
  return { field: 'account_update', value: { phone_number: '15551234567', event: 'ACCOUNT_VIOLATION', ...value } };
}
