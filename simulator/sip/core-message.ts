import { IncomingRequestMessage, IncomingResponseMessage, NameAddrHeader, URI } from 'sip.js/lib/core/index.js';
import { digestParameters, type Challenge } from './digest.js';
import { canonicalName, cseq, header, headerList, parameter, statusOf, type SipText } from './sip-text.js';

/**
 * Messages as sip.js' core takes them, built here: its own parser decodes its whole grammar again for every header
 * (about 10 ms of CPU a call), and refuses Meta's Call-ID for its "=". The core reads tags, numbers, one challenge and
 * the Record-Route; it gets no Via, because it drops responses with more than one.
 */
export function coreResponse(text: SipText, branch: string): IncomingResponseMessage {
  const message = new IncomingResponseMessage();
  message.statusCode = statusOf(text) ?? 0;
  message.reasonPhrase = text.startLine.slice('SIP/2.0 200 '.length);
  fill(message, text, branch);
  const contact = headerList(text, 'contact')[0];
  if (contact !== undefined) message.headers.Contact = [{ raw: contact, parsed: PEER }];
  for (const value of headerList(text, 'record-route')) message.addHeader('record-route', value);
  const challenge = chooseChallenge(text, message.statusCode);
  if (challenge) message.headers[challenge.name] = [{ raw: challenge.raw, parsed: parseChallenge(challenge.raw) }];
  return message;
}

/** A request within a call as the core takes it; `user` is the user part under which the core knows itself. */
export function coreRequest(text: SipText, user: string): IncomingRequestMessage {
  const message = new IncomingRequestMessage();
  message.ruri = new URI('sip', user, 'wa.meta.vc');
  fill(message, text, parameter(headerList(text, 'via')[0] ?? '', 'branch') ?? '');
  for (const value of headerList(text, 'via')) message.addHeader('via', value);
  const reason = header(text, 'reason');
  if (reason !== undefined) message.addHeader('reason', reason);
  return message;
}

/** Where the core sends to; the wire writes the gateway's literal Contact over it. */
const PEER = new NameAddrHeader(new URI('sip', 'gateway', 'gateway.invalid'), '', {});

function fill(message: IncomingRequestMessage | IncomingResponseMessage, text: SipText, branch: string): void {
  const { number = 0, method = '' } = cseq(text) ?? {};
  message.data = text.startLine;
  message.viaBranch = branch;
  message.method = method;
  message.cseq = number;
  message.callId = header(text, 'call-id') ?? '';
  message.body = text.body;
  for (const name of ['from', 'to'] as const) {
    const raw = header(text, name) ?? '';
    const tag = parameter(raw, 'tag');
    const parsed = new NameAddrHeader(PEER.uri, '', tag === undefined ? {} : { tag });
    message.headers[name === 'from' ? 'From' : 'To'] = [{ raw, parsed }];
    message[name] = parsed;
    // Typed as always there; without a tag the core expects undefined.
    if (tag !== undefined) message[name === 'from' ? 'fromTag' : 'toTag'] = tag;
  }
  message.setHeader('cseq', `${number} ${method}`);
  if (text.body !== '') message.headers['Content-Type'] = [{ raw: 'application/sdp', parsed: 'application/sdp' }];
}

/** Of several challenges the one that Meta can answer, MD5; else the first (RFC 8760 section 2.4). */
function chooseChallenge(text: SipText, status: number): { name: string; raw: string } | undefined {
  if (status !== 401 && status !== 407) return undefined;
  const name = status === 401 ? 'WWW-Authenticate' : 'Proxy-Authenticate';
  const challenges = text.headers.filter(([n]) => canonicalName(n) === name.toLowerCase()).map(([, value]) => value);
  const raw = challenges.find((value) => parseChallenge(value).algorithm?.toUpperCase() === 'MD5') ?? challenges[0];
  return raw === undefined ? undefined : { name, raw };
}

/** One Digest challenge. */
export function parseChallenge(raw: string): Challenge {
  const { realm, nonce, opaque, algorithm, qop, stale } = digestParameters(raw);
  return {
    ...(realm !== undefined && { realm }),
    ...(nonce !== undefined && { nonce }),
    ...(opaque !== undefined && { opaque }),
    ...(algorithm !== undefined && { algorithm }),
    ...(qop !== undefined && { qop: qop.split(',').map((value) => value.trim().toLowerCase()) }),
    stale: stale?.toLowerCase() === 'true',
  };
}
