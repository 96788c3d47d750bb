/** A peer's digest (RFC 7616), with arithmetic of its own: a fault of the gateway's must not hide on both sides. */
import { createHash } from 'node:crypto';

export interface Challenge {
  readonly algorithm: string;
  readonly nonce: string;
  readonly opaque: string;
  readonly stale?: boolean;
}

export const USER = 'gw+user';
export const PASSWORD = 'päss"word';
const REALM = 'pbx, "quoted"';

export function challengeLine({ algorithm, nonce, opaque, stale }: Challenge): string {
  const realm = REALM.replace(/"/g, '\\"');
  return (
    `Digest realm="${realm}", nonce="${nonce}", opaque="${opaque}", algorithm=${algorithm}, qop="auth,auth-int"` +
    (stale === true ? ', stale=TRUE' : '')
  );
}

export function field(line: string, name: string): string {
  const match = new RegExp(`[ ,]${name}=(?:"((?:[^"\\\\]|\\\\.)*)"|([^,\\s]*))`).exec(line);
  return (match?.[1] ?? match?.[2] ?? '').replace(/\\(.)/g, '$1');
}

/** What is wrong with the answer to this challenge; '' when nothing is. */
export function fault(line: string, challenge: Challenge, request: { method: string; uri: string }): string {
  const same: [string, string][] = [
    ['username', USER],
    ['realm', REALM],
    ['nonce', challenge.nonce],
    ['opaque', challenge.opaque],
    ['algorithm', challenge.algorithm],
    ['uri', request.uri],
    ['qop', 'auth'],
    ['nc', '00000001'],
  ];
  const different = same.find(([name, value]) => field(line, name) !== value);
  if (different) return `${different[0]} is ${field(line, different[0])}, not ${different[1]}`;
  if (field(line, 'cnonce').length < 8) return 'cnonce';
  const hash = (text: string): string =>
    createHash(challenge.algorithm === 'MD5' ? 'md5' : 'sha256')
      .update(text)
      .digest('hex');
  const a1 = hash(`${USER}:${REALM}:${PASSWORD}`);
  const a2 = hash(`${request.method}:${request.uri}`);
  const expected = hash(`${a1}:${challenge.nonce}:00000001:${field(line, 'cnonce')}:auth:${a2}`);
  return field(line, 'response') === expected ? '' : 'response';
}
