/** Reads a webhook payload into events. Lenient: what is missing or new is no fault of the rest. */
import type {
  AccountChanged,
  CallCreated,
  CallTerminated,
  PermissionReply,
  SettingsChanged,
  Unknown,
  Voicemail,
  WebhookEvent,
} from './events.js';
import { fields, list, number, party, text, timeMs, withoutSecrets, type Fields } from './fields.js';

type Read = WebhookEvent | Unknown;

/** What surrounds an element of a change. */
interface Around {
  readonly accountId?: string;
  readonly field: string;
  readonly value: Fields;
  readonly time: unknown;
  readonly now: number;
}

/**
 * @param payload the parsed body; several entries and changes are usual
 * @param now epoch ms, for elements without a time
 */
export function readWebhook(payload: unknown, now: number): readonly Read[] {
  return list(fields(payload).entry).flatMap((entry) => {
    const { id, time, changes } = fields(entry);
    const accountId = text(id);
    return list(changes).flatMap((change) => {
      const { field, value } = fields(change);
      return readChange({
        ...(accountId === undefined ? {} : { accountId }),
        ...{ field: text(field) ?? '', value: fields(value), time, now },
      });
    });
  });
}

function readChange(around: Around): readonly Read[] {
  const { field, value } = around;
  switch (field) {
    case 'calls':
      return elements(around, value.calls, readCall);
    case 'messages':
      return elements(around, value.messages, readMessage);
    case 'account_settings_update':
      return [readSettings(around)];
    case 'account_update':
      return [readAccount(around)];
    default:
      return [unknown(around, value)];
  }
}

/** `statuses` and the like come without the list that we look for. */
function elements(around: Around, found: unknown, read: (element: Fields, around: Around) => Read): readonly Read[] {
  const all = list(found);
  return all.length === 0 ? [unknown(around, around.value)] : all.map((element) => read(fields(element), around));
}

function readCall(call: Fields, around: Around): CallCreated | CallTerminated | Unknown {
  const wacid = text(call.id);
  const event = text(call.event)?.toLowerCase();
  if (event !== 'call_created' && event !== 'terminate') return unknown(around, call);
  const of = ofNumber(call, around, call.timestamp);
  if (wacid === undefined || of === undefined) return unknown(around, call, `${event} without call or number id`);
  const direction = directionOf(call, of.number);
  const outgoing = direction === 'business-initiated';
  const user = party(outgoing ? call.to : call.from) ?? text(outgoing ? call.to_user_id : call.from_user_id);
  const common = { ...of, wacid, ...(user === undefined ? {} : { user }), ...(direction && { direction }) };
  if (event === 'call_created') return { kind: 'call-created', ...common };
  const startedAtMs = timeMs(call.start_time);
  const endedAtMs = timeMs(call.end_time);
  const seconds = number(call.duration);
  return {
    kind: 'call-terminated',
    ...common,
    status: statusOf(call.status),
    ...(startedAtMs === undefined ? {} : { startedAtMs }),
    ...(endedAtMs === undefined ? {} : { endedAtMs }),
    ...(seconds === undefined ? {} : { durationMs: seconds * 1000 }),
    errors: [...list(call.errors), ...list(around.value.errors)].map((error) => errorOf(fields(error))),
  };
}

function directionOf(call: Fields, business: string | undefined): 'user-initiated' | 'business-initiated' | undefined {
  const said = text(call.direction)?.toUpperCase();
  if (said === 'USER_INITIATED') return 'user-initiated';
  if (said === 'BUSINESS_INITIATED') return 'business-initiated';
  if (business === undefined) return undefined;
  if (party(call.from) === business) return 'business-initiated';
  return party(call.to) === business ? 'user-initiated' : undefined;
}

/** Meta's pages show a list of one as well. */
function statusOf(status: unknown): CallTerminated['status'] {
  const said = text(Array.isArray(status) ? status[0] : status)?.toLowerCase();
  return said === 'completed' || said === 'failed' ? said : 'unknown';
}

function errorOf(error: Fields): { code?: number; text: string } {
  const code = number(error.code);
  const said = [error.title, error.message, fields(error.error_data).details].map(text).filter((part) => part != null);
  return { ...(code === undefined ? {} : { code }), text: [...new Set(said)].join(': ') };
}

function readMessage(message: Fields, around: Around): PermissionReply | Voicemail | Unknown {
  const interactive = fields(message.interactive);
  if (interactive.call_permission_reply !== undefined)
    return readReply(message, fields(interactive.call_permission_reply), around);
  const id = text(message.id);
  if (message.type === 'audio' && id?.startsWith('wacid.') === true) return readVoicemail(id, message, around);
  return unknown(around, message);
}

function readReply(message: Fields, reply: Fields, around: Around): PermissionReply | Unknown {
  const of = ofNumber(message, around, message.timestamp);
  const user = userOf(message, around);
  const response = text(reply.response)?.toLowerCase();
  if (of === undefined || user === undefined)
    return unknown(around, message, 'permission reply without number or user');
  if (response !== 'accept' && response !== 'reject')
    return unknown(around, message, 'permission reply that neither accepts nor rejects');
  const [messageId, contextId] = [text(message.id), text(fields(message.context).id)];
  const expiresAtMs = timeMs(reply.expiration_timestamp ?? reply.expiration_time);
  return {
    kind: 'permission-reply',
    ...of,
    user,
    response,
    ...(messageId === undefined ? {} : { messageId }),
    permanent: reply.is_permanent === true || reply.is_permanent === 'true',
    ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
    source: sourceOf(reply.response_source),
    ...(contextId === undefined ? {} : { contextId }),
  };
}

function sourceOf(source: unknown): PermissionReply['source'] {
  if (source === 'user_action') return 'user';
  return source === 'automatic' ? 'automatic' : 'unknown';
}

function readVoicemail(wacid: string, message: Fields, around: Around): Voicemail | Unknown {
  const of = ofNumber(message, around, message.timestamp);
  const audio = fields(message.audio);
  const mediaId = text(audio.id);
  if (of === undefined || mediaId === undefined)
    return unknown(around, message, 'voicemail without number or media id');
  const [user, mimeType, sha256] = [userOf(message, around), text(audio.mime_type), text(audio.sha256)];
  return {
    kind: 'voicemail',
    ...{ ...of, wacid, mediaId },
    ...(user === undefined ? {} : { user }),
    ...(mimeType === undefined ? {} : { mimeType }),
    ...(sha256 === undefined ? {} : { sha256 }),
  };
}

/** A user with a username may come without a phone number; `contacts` says who it is where the message does not. */
function userOf(message: Fields, { value }: Around): string | undefined {
  const contact = fields(list(value.contacts)[0]);
  return party(message.from) ?? text(message.from_user_id) ?? party(contact.wa_id) ?? text(contact.user_id);
}

function readSettings(around: Around): SettingsChanged | Unknown {
  const { value } = around;
  const settings = fields(value.phone_number_settings);
  const numberId = text(settings.phone_number_id);
  if (numberId === undefined) return unknown(around, value, 'settings of no number');
  return {
    kind: 'settings-changed',
    ...told(value, around, value.timestamp),
    numberId,
    ...(settings.calling == null ? {} : { calling: withoutSecrets(settings.calling) }),
  };
}

function readAccount(around: Around): AccountChanged | Unknown {
  const { value } = around;
  const event = text(value.event);
  if (event === undefined) return unknown(around, value, 'account update without event');
  const [business, violation] = [party(value.phone_number), text(fields(value.violation_info).violation_type)];
  return {
    kind: 'account-changed',
    ...told(value, around, value.timestamp),
    event,
    ...(business === undefined ? {} : { number: business }),
    ...(violation === undefined ? {} : { violation }),
    restrictions: list(value.restriction_info).flatMap((restriction) => {
      const { restriction_type: type, expiration } = fields(restriction);
      const name = text(type);
      const expiresAtMs = timeMs(expiration);
      return name === undefined ? [] : [{ type: name, ...(expiresAtMs === undefined ? {} : { expiresAtMs }) }];
    }),
  };
}

function ofNumber(element: Fields, around: Around, time: unknown) {
  const metadata = fields(around.value.metadata);
  const numberId = text(metadata.phone_number_id);
  const business = party(metadata.display_phone_number);
  if (numberId === undefined) return undefined;
  return { ...told(element, around, time), numberId, ...(business === undefined ? {} : { number: business }) };
}

function told(element: Fields, { accountId, time: entryTime, now }: Around, time: unknown) {
  const atMs = timeMs(time) ?? timeMs(entryTime);
  return {
    ...(accountId === undefined ? {} : { accountId }),
    atMs: atMs ?? now,
    dated: atMs !== undefined,
    raw: withoutSecrets(element),
  };
}

function unknown({ field }: Around, raw: unknown, fault?: string): Unknown {
  return { kind: 'unknown', field, ...(fault === undefined ? {} : { fault }), raw };
}
