import { invalidParameter } from '../errors.js';
import type { CallingWrite } from './shape.js';

type SipWrite = NonNullable<CallingWrite['sip']>;
type ServerWrite = NonNullable<SipWrite['servers']>[number];
type OnOff = 'ENABLED' | 'DISABLED';

export type SipServer = ServerWrite & {
  readonly port: number;
  readonly app_id: string;
  readonly sip_user_password: string;
};

export interface Sip {
  readonly status: OnOff;
  readonly webhook_delivery?: OnOff;
  readonly servers: readonly SipServer[];
}

/** What Meta holds for a number. Absent: never set. */
export type Calling = Omit<CallingWrite, 'sip'> & {
  readonly status: OnOff;
  readonly call_icon_visibility: 'DEFAULT' | 'DISABLE_ALL';
  readonly callback_permission_status: OnOff;
  readonly sip?: Sip;
};

export const NEVER_SET: Calling = {
  status: 'DISABLED',
  call_icon_visibility: 'DEFAULT',
  callback_permission_status: 'DISABLED',
};

export interface Writer {
  /** The app of the token. */
  readonly appId: string;
  readonly newPassword: () => string;
  readonly sipWriteResetsKeying: boolean;
}

/**
 * What Meta holds after a POST: fields that are not in it stay, those in it are replaced whole, `sip` field by field.
 * Throws a Refusal when the result is not allowed.
 */
export function written(before: Calling, { sip, ...write }: CallingWrite, writer: Writer): Calling {
  const after: Calling = {
    ...before,
    ...write,
    ...(sip === undefined ? {} : { sip: writtenSip(before.sip, sip, writer) }),
  };
  const reset = sip !== undefined && writer.sipWriteResetsKeying && after.srtp_key_exchange_protocol !== undefined;
  const result = reset ? { ...after, srtp_key_exchange_protocol: 'DTLS' as const } : after;
  if (result.voicemail?.status === 'ENABLED' && result.call_hours?.status === 'ENABLED') {
    throw invalidParameter('calling.voicemail cannot be ENABLED while calling.call_hours is ENABLED');
  }
  return result;
}

function writtenSip(before: Sip = { status: 'DISABLED', servers: [] }, write: SipWrite, writer: Writer): Sip {
  const { servers: added, ...rest } = write;
  const own = before.servers.find(({ app_id }) => app_id === writer.appId);
  const servers =
    added === undefined
      ? before.servers
      : [
          ...before.servers.filter(({ app_id }) => app_id !== writer.appId),
          ...added.map((server) => ({
            ...server,
            port: server.port ?? 5061,
            app_id: writer.appId,
            sip_user_password: own?.sip_user_password ?? writer.newPassword(),
          })),
        ];
  const after: Sip = { ...before, ...rest, servers };
  if (after.status === 'ENABLED' && servers.length === 0) {
    throw invalidParameter('calling.sip.servers must have a server while calling.sip.status is ENABLED');
  }
  return after;
}
