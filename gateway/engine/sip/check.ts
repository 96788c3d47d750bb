import { schemeOf, parseUri } from './uri.js';
import type { SipMessage } from './message.js';

/** Why a request cannot be processed, as the response that says so. */
export interface Refusal {
  readonly status: number;
  readonly reason: string;
  readonly headers?: string;
}

const ONCE = ['from', 'to', 'call-id', 'cseq', 'content-length', 'max-forwards'] as const;

/**
 * Checks that must hold before a request is matched to anything: RFC 3261 sections 8.1.1, 7.3.1, 18.3.
 * @returns the refusal, `undefined` for a well-formed request.
 */
export function checkRequest(message: SipMessage): Refusal | undefined {
  if (message.version !== '2.0') return { status: 505, reason: 'Version Not Supported' };
  const fault = structureFault(message) ?? requestFault(message);
  return fault === undefined ? undefined : { status: 400, reason: fault };
}

/** What is wrong with a response that makes it unusable; `undefined` when nothing is. */
export function checkResponse(message: SipMessage): string | undefined {
  if (message.version !== '2.0') return 'Version Not Supported';
  return structureFault(message);
}

function structureFault(message: SipMessage): string | undefined {
  if (message.fault !== undefined) return message.fault;
  const twice = ONCE.find((name) => message.all(name).length > 1);
  if (twice !== undefined) return `More than one ${twice} header`;
  if (message.via === undefined) return 'Missing or malformed Via';
  if (message.from === undefined || !validTag(message.fromTag)) return 'Missing or malformed From';
  if (message.to === undefined || !validTag(message.toTag)) return 'Missing or malformed To';
  if (!/^[^\s|]+$/.test(message.callId)) return 'Missing or malformed Call-ID';
  if (message.cseq === undefined) return 'Missing or malformed CSeq';
  return lengthFault(message);
}

/** The app protocol separates its tokens by `|`, which a tag cannot hold in SIP either. */
function validTag(tag: string | undefined): boolean {
  return tag === undefined || /^[^\s|;,"<>]+$/.test(tag);
}

function lengthFault(message: SipMessage): string | undefined {
  const length = message.first('content-length');
  if (length === undefined) return undefined;
  if (!/^\d{1,9}$/.test(length)) return 'Malformed Content-Length';
  if (Number(length) > message.bodyLength) return 'Content-Length larger than the message';
  message.limitBody(Number(length));
  return undefined;
}

function requestFault(message: SipMessage): string | undefined {
  if (message.cseq?.method !== message.method) return 'CSeq method does not match';
  const hops = message.first('max-forwards');
  if (hops !== undefined && (!/^0*\d{1,3}$/.test(hops) || Number(hops) > 255)) return 'Malformed Max-Forwards';
  if (/^sips?$/.test(schemeOf(message.uri))) {
    const uri = parseUri(message.uri);
    // Headers are not allowed in a Request-URI (section 19.1.1, table 1).
    if (uri?.headers !== '') return 'Malformed Request-URI';
  }
  if (schemeOf(message.uri) === '') return 'Malformed Request-URI';
  const from = message.from?.uri ?? '';
  if (schemeOf(from) === '' || schemeOf(message.to?.uri ?? '') === '') return 'Malformed From or To';
  return undefined;
}

/** Checks of a UAS on a request outside of transactions and dialogs: RFC 3261 sections 8.2.2, 8.2.2.3, RFC 7332 section 4. */
export function checkNewRequest(message: SipMessage): Refusal | undefined {
  const scheme = schemeOf(message.uri);
  if (scheme !== 'sip' && scheme !== 'sips' && scheme !== 'tel') {
    return { status: 416, reason: 'Unsupported URI Scheme' };
  }
  // OPTIONS at its last hop is a question to that hop (section 11).
  if (Number(message.first('max-forwards') ?? 70) === 0 && message.method !== 'OPTIONS') {
    return { status: 483, reason: 'Too Many Hops' };
  }
  const required = message.list('require');
  if (required.length > 0) {
    return { status: 420, reason: 'Bad Extension', headers: `Unsupported: ${required.join(', ')}\r\n` };
  }
  return undefined;
}
