import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { digestParameters } from '../digest.js';
import type { SipRuleId } from '../rules-used.js';
import { LIVE_CHALLENGE, type BusinessNumber, type ChallengeScript } from './number.js';
import { FAULTS, type FinalRefusal } from './refusals.js';

const REALM = 'wa.meta.vc';
const HASHES: Readonly<Record<string, string>> = { md5: 'md5', 'sha-256': 'sha256' };

interface Issued {
  readonly algorithm: string;
  readonly nonce: string;
  readonly opaque: string;
}

export interface Fault {
  readonly rule: SipRuleId;
  readonly detail: string;
}

export type Verdict =
  | { readonly kind: 'right' }
  /** Right, but for a nonce that is too old by now. */
  | { readonly kind: 'stale' }
  | { readonly kind: 'refused'; readonly refusal: FinalRefusal; readonly faults: readonly Fault[] };

/** The challenges of one call and what is made of the answers: a wrong one is refused, never challenged again. */
export class Challenges {
  readonly #script: ChallengeScript;
  #issued: readonly Issued[] = [];
  #staleLeft: boolean;

  constructor(private readonly account: BusinessNumber) {
    this.#script = account.challenge ?? LIVE_CHALLENGE;
    this.#staleLeft = this.#script.staleOnce === true;
  }

  /** Whether a request of this method is challenged. */
  asks(method: 'INVITE' | 'BYE'): boolean {
    return this.#script.algorithms.length > 0 && (method === 'INVITE' || this.#script.bye === true);
  }

  /** Headers of a 407, with nonces that replace those before. */
  issue(stale = false): (readonly [string, string])[] {
    this.#issued = this.#script.algorithms.map((algorithm) => ({
      algorithm,
      nonce: randomBytes(8).toString('hex'),
      opaque: randomBytes(8).toString('hex'),
    }));
    return this.#issued.map(({ algorithm, nonce, opaque }) => {
      const value = `Digest realm="${REALM}",nonce="${nonce}",opaque="${opaque}",algorithm=${algorithm},qop="auth"`;
      return ['Proxy-Authenticate', stale ? `${value},stale=true` : value] as const;
    });
  }

  /** Judges the Proxy-Authorization values of a request; `uri` is what the digest must be over. */
  judge(values: readonly string[], method: 'INVITE' | 'BYE', uri: string): Verdict {
    const [value = ''] = values;
    const answer = digestParameters(value);
    if (values.length !== 1 || !/^digest\s/i.test(value)) {
      return refuse('digest-echo', `${values.length} Proxy-Authorization headers: ${values.join(' | ')}`);
    }
    if (answer.uri !== uri) {
      return refuse('auth-uri', `digest uri ${answer.uri ?? '(none)'}, expected ${uri}`, FAULTS['digest-uri']);
    }
    const issued = this.#issued.find(({ nonce }) => nonce === answer.nonce);
    if (issued === undefined) return refuse('digest-echo', `nonce ${answer.nonce ?? '(none)'} was not issued`);
    const faults = this.#faults(answer, issued);
    if (faults.length > 0) return { kind: 'refused', refusal: FAULTS.digest, faults };
    if (!this.#isRight(answer, issued, method)) return { kind: 'refused', refusal: FAULTS.digest, faults: [] };
    if (!this.#staleLeft) return { kind: 'right' };
    this.#staleLeft = false;
    return { kind: 'stale' };
  }

  #faults(answer: Readonly<Record<string, string>>, issued: Issued): Fault[] {
    const faults: Fault[] = [];
    const echo = (name: string, found: string | undefined, expected: string): void => {
      if (found !== expected)
        faults.push({ rule: 'digest-echo', detail: `${name} ${found ?? '(none)'}, not ${expected}` });
    };
    echo('realm', answer.realm, REALM);
    echo('opaque', answer.opaque, issued.opaque);
    // RFC 7616 section 3.4: without the parameter it is MD5.
    echo('algorithm', (answer.algorithm ?? 'MD5').toLowerCase(), issued.algorithm.toLowerCase());
    echo('qop', answer.qop, 'auth');
    if (!/^[0-9a-f]{8}$/i.test(answer.nc ?? '') || (answer.cnonce ?? '') === '') {
      faults.push({ rule: 'digest-echo', detail: `nc ${answer.nc ?? '(none)'}, cnonce ${answer.cnonce ?? '(none)'}` });
    }
    if (answer.username?.replace(/^\+/, '') !== this.account.number.slice(1)) {
      faults.push({ rule: 'digest-user', detail: `username ${answer.username ?? '(none)'}` });
    }
    return faults;
  }

  #isRight(answer: Readonly<Record<string, string>>, issued: Issued, method: string): boolean {
    const algorithm = HASHES[issued.algorithm.toLowerCase()];
    if (algorithm === undefined) return false;
    const hash = (text: string): string => createHash(algorithm).update(text).digest('hex');
    const { username = '', uri = '', nc = '', cnonce = '', response = '' } = answer;
    const ha1 = hash(`${username}:${REALM}:${this.account.password}`);
    const expected = Buffer.from(hash(`${ha1}:${issued.nonce}:${nc}:${cnonce}:auth:${hash(`${method}:${uri}`)}`));
    const found = Buffer.from(response.toLowerCase());
    return found.length === expected.length && timingSafeEqual(found, expected);
  }
}

function refuse(rule: SipRuleId, detail: string, refusal: FinalRefusal = FAULTS.digest): Verdict {
  return { kind: 'refused', refusal, faults: [{ rule, detail }] };
}
