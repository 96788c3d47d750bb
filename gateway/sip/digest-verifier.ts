/** The server's side of digest authentication: challenges, and judges answers, keeping no state but the counts of used nonces. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { type DigestAlgorithm, type DigestCredentials, digestResponse, parseCredentials } from './digest.js';
import { quote } from './headers.js';
import { parseUri } from './uri.js';

export interface DigestVerifierOptions {
  readonly realm: string;
  /** Milliseconds; only differences matter, and they must agree between nodes that share a secret. */
  readonly clock: () => number;
  /** Signs nonces. Nodes that share it accept each other's. */
  readonly secret: string | Buffer;
  /** How long a nonce may be used, milliseconds (default 30,000). */
  readonly nonceLifetimeMs?: number;
  /** What may be answered with (default MD5 alone, which is what Meta is known to answer). The order does not count. */
  readonly algorithms?: readonly VerifierAlgorithm[];
}

export type VerifierAlgorithm = Extract<DigestAlgorithm, 'MD5' | 'SHA-256'>;

export interface DigestAttempt {
  /** The value of (Proxy-)Authorization; undefined when there is none. */
  readonly authorization: string | undefined;
  readonly method: string;
  readonly requestUri: string;
  /** The user expected, with or without `+`, and his password. */
  readonly username: string;
  readonly password: string;
  /** Whom the nonces are for, such as the address; an answer to another's nonce is challenged anew. Absent: for anybody. */
  readonly peer?: string;
}

export type DigestResult =
  | { readonly kind: 'ok' }
  /**
   * Send `headers` in a 407 (or 401): one line for each algorithm, the strongest first (RFC 8760 2.1); `header` is the first
   * of them. Stale: the answer was right, but to a nonce that has expired.
   */
  | {
      readonly kind: 'challenge';
      readonly stale: boolean;
      readonly header: string;
      readonly headers: readonly string[];
    }
  /** The answer is wrong: 403. */
  | { readonly kind: 'refused'; readonly why: DigestFault };

export type DigestFault = 'malformed' | 'username' | 'uri' | 'algorithm' | 'qop' | 'response' | 'replay';

/**
 * Judges requests. Not for ACK and CANCEL, which cannot be sent again (RFC 3261 22.1), nor for BYE of a dialog whose
 * INVITE was verified: leaving those out is up to the caller.
 */
export interface DigestVerifier {
  verify(attempt: DigestAttempt): DigestResult;
}

const MAX_COUNTS = 100_000;
const STRONGEST_FIRST = ['SHA-256', 'MD5'] as const;

export function createDigestVerifier(options: DigestVerifierOptions): DigestVerifier {
  const { realm, clock, secret } = options;
  const lifetime = options.nonceLifetimeMs ?? 30_000;
  const allowed: readonly VerifierAlgorithm[] = options.algorithms ?? ['MD5'];
  const algorithms = STRONGEST_FIRST.filter((algorithm) => allowed.includes(algorithm));
  if (algorithms.length === 0) throw new TypeError('digest verifier: no algorithm allowed');
  const counts = new Map<string, { highest: number; until: number }>();

  const sign = (what: string, text: string) =>
    createHmac('sha256', secret).update(`${what}\n${realm}\n${text}`).digest('hex').slice(0, 32);

  /** Nonce: time, salt and signature of both. The opaque value is bound to it. */
  const challengeOf = (algorithm: VerifierAlgorithm, stale: boolean, peer: string): string => {
    const stamp = `${Math.trunc(clock()).toString(16)}.${randomBytes(8).toString('hex')}`;
    const nonce = `${stamp}.${sign('nonce', `${stamp} ${peer}`)}`;
    return (
      `Digest realm=${quote(realm)},nonce="${nonce}",opaque="${sign('opaque', nonce)}",algorithm=${algorithm},qop="auth"` +
      (stale ? ',stale=true' : '')
    );
  };

  const challenge = (stale: boolean, peer: string): DigestResult => {
    const headers = algorithms.map((algorithm) => challengeOf(algorithm, stale, peer));
    return { kind: 'challenge', stale, header: headers[0] ?? '', headers };
  };

  /** When a nonce of ours was made; undefined when it is not ours. */
  const madeAt = ({ nonce, opaque }: DigestCredentials, peer: string): number | undefined => {
    const dot = nonce.lastIndexOf('.');
    const stamp = nonce.slice(0, Math.max(dot, 0));
    if (!sameText(nonce.slice(dot + 1), sign('nonce', `${stamp} ${peer}`))) return undefined;
    if (opaque !== undefined && !sameText(opaque, sign('opaque', nonce))) return undefined;
    return Number.parseInt(stamp, 16);
  };

  /** False when this nonce was used with this count or a higher one before. */
  const countUse = (nonce: string, count: number, until: number): boolean => {
    const now = clock();
    for (const [old, entry] of counts) {
      if (entry.until > now && counts.size < MAX_COUNTS) break;
      counts.delete(old);
    }
    const highest = counts.get(nonce)?.highest ?? 0;
    if (count <= highest) return false;
    // A slice of the message would keep the whole message for as long as the nonce lives.
    counts.set(Buffer.from(nonce, 'latin1').toString('latin1'), { highest: count, until });
    return true;
  };

  return {
    verify(attempt) {
      const { peer = '' } = attempt;
      const all = parseCredentials(attempt.authorization);
      const given = all.find((one) => one.realm === realm);
      if (!given) {
        const broken =
          attempt.authorization !== undefined && all.length === 0 && /^\s*digest\b/i.test(attempt.authorization);
        return broken ? { kind: 'refused', why: 'malformed' } : challenge(false, peer);
      }
      const made = madeAt(given, peer);
      if (made === undefined) return challenge(false, peer); // made before a restart, for somebody else, or not by us
      const fault = wrongField(given, attempt, algorithms);
      if (fault) return { kind: 'refused', why: fault };
      const until = made + lifetime;
      if (clock() >= until) return challenge(true, peer);
      // Without qop there is no count: such an answer is good once.
      const count = given.nc === undefined ? Number.MAX_SAFE_INTEGER : Number.parseInt(given.nc, 16);
      return countUse(given.nonce, count, until) ? { kind: 'ok' } : { kind: 'refused', why: 'replay' };
    },
  };
}

function wrongField(
  given: DigestCredentials,
  attempt: DigestAttempt,
  algorithms: readonly VerifierAlgorithm[],
): DigestFault | undefined {
  const algorithm = algorithms.find((one) => one === given.algorithm);
  if (algorithm === undefined) return 'algorithm';
  if (given.qop !== undefined && given.qop !== 'auth') return 'qop';
  const counted = given.nc !== undefined && /^[0-9a-f]{8}$/i.test(given.nc) && given.cnonce !== undefined;
  if (given.qop === undefined ? given.nc !== undefined : !counted) return 'malformed';
  if (withoutPlus(given.username) !== withoutPlus(attempt.username)) return 'username';
  if (!sameTarget(given.uri, attempt.requestUri)) return 'uri';
  // Over the literal uri and username: Meta's uri lacks the transport parameter of its request-URI.
  const expected = digestResponse({ ...given, algorithm, password: attempt.password, method: attempt.method });
  return sameText(given.response.toLowerCase(), expected) ? undefined : 'response';
}

/** Same user and host; parameters, port, `+` and the case of the host do not count. */
function sameTarget(a: string, b: string): boolean {
  const [one, other] = [parseUri(a), parseUri(b)];
  if (!one || !other) return false;
  return (
    withoutPlus(one.user ?? '') === withoutPlus(other.user ?? '') && one.host.toLowerCase() === other.host.toLowerCase()
  );
}

function withoutPlus(user: string): string {
  return user.startsWith('+') ? user.slice(1) : user;
}

/** Compares in constant time; different lengths are told apart at once. */
function sameText(a: string, b: string): boolean {
  const [one, other] = [Buffer.from(a), Buffer.from(b)];
  return one.length === other.length && timingSafeEqual(one, other);
}
