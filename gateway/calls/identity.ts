/** Who calls, as the PBX is told. */
import type { Headers, IncomingRequest } from '../sip/port.js';
import { formatNameAddr, parseNameAddr } from '../sip/headers.js';
import { formatUri, parseParty, parseUri } from '../sip/uri.js';
import { safeValue } from './headers.js';

export interface CallerIdentity {
  /** E.164 number or business-scoped user id; absent: the From shows neither. */
  readonly user?: string;
  /** From towards the PBX. */
  readonly from: string;
  readonly headers: Headers;
}

/**
 * The caller's number where Meta tells it; else the trunk's alias, with the business-scoped user id in a header, so that
 * a dial-plan never meets `US.1349…` as a caller id.
 */
export function callerIdentity(
  invite: Pick<IncomingRequest, 'header'>,
  alias: string,
  hostname: string,
): CallerIdentity {
  const from = parseNameAddr(invite.header('from') ?? '');
  const party = parseParty(parseUri(from?.uri ?? '')?.user);
  if (party.kind === 'phone') {
    const uri = formatUri({ user: party.number, host: hostname });
    return { user: party.number, from: formatNameAddr({ displayName: from?.displayName, uri }), headers: {} };
  }
  const uri = formatUri({ user: alias, host: hostname });
  const id = party.kind === 'bsuid' ? party.id : party.user;
  return {
    ...(party.kind === 'bsuid' ? { user: party.id } : {}),
    from: formatNameAddr({ displayName: alias, uri }),
    headers: id === '' ? {} : { 'X-WA-User-Id': safeValue(id) },
  };
}
