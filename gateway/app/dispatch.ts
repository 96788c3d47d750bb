import type { BusinessCalls } from '../calls/business-calls.js';
import type { CallObserver } from '../calls/observer.js';
import type { UserCalls } from '../calls/user-calls.js';
import type { Config } from '../config/types.js';
import type { ListenAddress } from '../engine/index.js';
import type { Identify } from '../pbx/identify.js';
import type { IncomingInvite } from '../sip/port.js';
import type { Trust } from './sip-server.js';

export interface Desks {
  readonly trust: Trust;
  readonly users: UserCalls;
  readonly businesses: BusinessCalls;
  readonly identify: Identify;
  readonly observer: CallObserver;
}

/** Whose INVITE it is: Meta's, or that of a PBX, which its network or a digest proves. */
export function dispatch(invite: IncomingInvite, { trust, users, businesses, identify, observer }: Desks): void {
  const side = trust.of(invite.source);
  const source = `${invite.source.address}:${invite.source.port}`;
  const refuse = (detail: string, response: Parameters<IncomingInvite['respond']>[0]): void => {
    observer.refused({ code: 'untrusted-source', detail, source, sipCallId: invite.callId });
    invite.respond(response);
  };
  if (side.kind === 'whatsapp') return users.handle(invite);
  if (side.kind === 'untrusted') return refuse(side.why, { status: 403, reason: 'Forbidden' });
  const identity = identify(invite);
  switch (identity.kind) {
    case 'trunk':
      return businesses.handle(invite, identity.trunks);
    case 'challenge':
      return invite.respond(identity.response);
    case 'refused':
      if (identity.braked) return invite.respond(identity.response);
      return refuse(identity.why, identity.response);
  }
}

/** The PBX reaches us again where its INVITE came in. */
export function pbxContact(invite: IncomingInvite, addresses: readonly ListenAddress[], config: Config): string {
  const listeners = addresses.slice(config.whatsapp.listen.length);
  const port = invite.source.receivedOn?.split(':').at(-1);
  const listen = listeners.find((l) => l.transport === invite.source.transport && String(l.port) === port);
  const { host, port: at } = { ...(listen ?? listeners[0]), ...listen?.advertised };
  const local = invite.source.receivedOn?.replace(/:\d+$/, '');
  const name = host === undefined || host === '0.0.0.0' || host === '::' ? (local ?? config.gateway.hostname) : host;
  const transport = invite.source.transport === 'udp' ? '' : `;transport=${invite.source.transport}`;
  return `<sip:wa-trunk@${name}:${at ?? 5060}${transport}>`;
}
