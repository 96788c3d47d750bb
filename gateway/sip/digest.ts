/** Digest authentication for SIP (RFC 8760, 7616, 2617): its headers and its arithmetic. Pure; for the server see digest-verifier.ts. */
import { createHash } from 'node:crypto';
import { isToken, quote, unquote } from './headers.js';

export type DigestAlgorithm = 'MD5' | 'MD5-sess' | 'SHA-256' | 'SHA-256-sess' | 'SHA-512-256' | 'SHA-512-256-sess';

/** One challenge; several of them stand for alternatives and are never mixed. */
export interface DigestChallenge {
  readonly realm: string;
  readonly nonce: string;
  readonly opaque: string | undefined;
  /** Undefined when it is one we cannot compute. */
  readonly algorithm: DigestAlgorithm | undefined;
  /** Whether the parameter was there: an answer echoes it then, and only then must it. */
  readonly algorithmGiven: boolean;
  /** Empty: RFC 2069 style, no quality of protection. */
  readonly qop: readonly string[];
  readonly stale: boolean;
}

export interface DigestCredentials {
  readonly username: string;
  readonly realm: string;
  readonly nonce: string;
  readonly uri: string;
  readonly response: string;
  readonly opaque: string | undefined;
  /** Undefined when it is one we cannot compute; MD5 when not given. */
  readonly algorithm: DigestAlgorithm | undefined;
  readonly qop: string | undefined;
  readonly cnonce: string | undefined;
  /** The nonce count as written, 8 hexadecimal digits. */
  readonly nc: string | undefined;
}

// Strongest first: the order in which challenges are preferred.
const HASHES = { 'SHA-512-256': 'sha512-256', 'SHA-256': 'sha256', MD5: 'md5' } as const;
const ALGORITHMS = (['SHA-512-256', 'SHA-256', 'MD5'] as const).flatMap((name) => [name, `${name}-sess`] as const);

/** Every Digest challenge of WWW-/Proxy-Authenticate, from one header or several, joined or apart. Broken ones are left out. */
export function parseChallenges(header: string | readonly string[] | undefined): DigestChallenge[] {
  return parseAuth(header).flatMap((fields) => {
    const realm = fields.get('realm');
    const nonce = fields.get('nonce');
    if (realm === undefined || nonce === undefined) return [];
    const qop =
      fields
        .get('qop')
        ?.split(',')
        .map((q) => q.trim().toLowerCase()) ?? [];
    return {
      realm,
      nonce,
      opaque: fields.get('opaque'),
      algorithm: algorithmOf(fields.get('algorithm')),
      algorithmGiven: fields.has('algorithm'),
      qop: qop.filter((q) => q !== ''),
      stale: fields.get('stale')?.toLowerCase() === 'true',
    };
  });
}

/** Every Digest answer of (Proxy-)Authorization. Broken ones are left out. */
export function parseCredentials(header: string | readonly string[] | undefined): DigestCredentials[] {
  return parseAuth(header).flatMap((fields) => {
    const [username, realm, nonce, uri, response] = ['username', 'realm', 'nonce', 'uri', 'response'].map((f) =>
      fields.get(f),
    );
    if (username === undefined || realm === undefined || nonce === undefined) return [];
    if (uri === undefined || response === undefined) return [];
    return {
      ...{ username, realm, nonce, uri, response },
      opaque: fields.get('opaque'),
      algorithm: algorithmOf(fields.get('algorithm')),
      qop: fields.get('qop')?.toLowerCase(),
      cnonce: fields.get('cnonce'),
      nc: fields.get('nc'),
    };
  });
}

/** The strongest challenge we can answer; of equals the topmost. */
export function chooseChallenge(challenges: readonly DigestChallenge[]): DigestChallenge | undefined {
  const able = challenges.filter((c) => c.algorithm !== undefined && (c.qop.length === 0 || c.qop.includes('auth')));
  const rank = (c: DigestChallenge) => ALGORITHMS.findIndex((name) => name === c.algorithm);
  return able.sort((a, b) => rank(a) - rank(b))[0];
}

export interface DigestInput {
  readonly username: string;
  readonly password: string;
  readonly method: string;
  readonly uri: string;
  /** Fresh randomness for each request. */
  readonly cnonce: string;
  /** How often this nonce has been used, this time included. */
  readonly nonceCount: number;
}

/**
 * The value of (Proxy-)Authorization that answers one challenge.
 * @throws Error when the algorithm or every qop of the challenge is unknown; chooseChallenge never returns such a one
 */
export function answerChallenge(challenge: DigestChallenge, input: DigestInput): string {
  const { realm, nonce, opaque, algorithm } = challenge;
  const qop = challenge.qop.includes('auth') ? 'auth' : undefined;
  if (algorithm === undefined || (qop === undefined && challenge.qop.length > 0)) {
    throw new Error(`digest challenge of ${JSON.stringify(realm)}: algorithm or qop not supported`);
  }
  const nc = input.nonceCount.toString(16).padStart(8, '0');
  const response = digestResponse({ ...input, realm, nonce, algorithm, qop, nc });
  const withCnonce = qop !== undefined || algorithm.endsWith('-sess');
  return [
    `Digest username=${quote(input.username)}`,
    `realm=${quote(realm)}`,
    `nonce=${quote(nonce)}`,
    `uri=${quote(input.uri)}`,
    `response="${response}"`,
    ...(challenge.algorithmGiven ? [`algorithm=${algorithm}`] : []),
    ...(withCnonce ? [`cnonce=${quote(input.cnonce)}`] : []),
    ...(opaque === undefined ? [] : [`opaque=${quote(opaque)}`]),
    ...(qop === undefined ? [] : [`qop=${qop}`, `nc=${nc}`]),
  ].join(', ');
}

/** The response value, lower-case hexadecimal (RFC 7616 3.4.1). */
export function digestResponse(input: {
  readonly username: string;
  readonly password: string;
  readonly realm: string;
  readonly nonce: string;
  readonly algorithm: DigestAlgorithm;
  readonly method: string;
  readonly uri: string;
  readonly qop: string | undefined;
  readonly cnonce: string | undefined;
  readonly nc: string | undefined;
}): string {
  const session = input.algorithm.endsWith('-sess');
  const name = input.algorithm.replace(/-sess$/, '') as keyof typeof HASHES;
  const hash = (text: string) => createHash(HASHES[name]).update(text).digest('hex');
  const secret = hash(`${input.username}:${input.realm}:${input.password}`);
  const a1 = session ? hash(`${secret}:${input.nonce}:${input.cnonce ?? ''}`) : secret;
  const a2 = hash(`${input.method}:${input.uri}`);
  if (input.qop === undefined) return hash(`${a1}:${input.nonce}:${a2}`);
  return hash(`${a1}:${input.nonce}:${input.nc ?? ''}:${input.cnonce ?? ''}:${input.qop}:${a2}`);
}

function algorithmOf(text: string | undefined): DigestAlgorithm | undefined {
  return text === undefined ? 'MD5' : ALGORITHMS.find((name) => name.toLowerCase() === text.toLowerCase());
}

/**
 * The fields of every Digest value. Between values and between fields stands the same comma; a token that no `=` follows
 * is the scheme that starts the next value. A header with a syntax error is left out, and so is a value that has a field
 * twice: nobody knows which one counts.
 */
function parseAuth(header: string | readonly string[] | undefined): ReadonlyMap<string, string>[] {
  return (typeof header === 'string' ? [header] : (header ?? [])).flatMap((text) => {
    const values: Map<string, string>[] = [];
    const ambiguous = new Set<Map<string, string>>();
    let fields = new Map<string, string>();
    for (const { name, value } of authItems(text) ?? []) {
      if (value === undefined) {
        fields = new Map();
        if (name === 'digest') values.push(fields);
      } else if (fields.has(name)) ambiguous.add(fields);
      else fields.set(name, value);
    }
    return values.filter((one) => !ambiguous.has(one));
  });
}

interface AuthItem {
  readonly name: string;
  /** Undefined for a scheme. */
  readonly value: string | undefined;
}

function authItems(text: string): AuthItem[] | undefined {
  const item = /([^\s,="]+)(?:\s*=\s*("(?:[^"\\]|\\[\s\S])*"|[^\s,"]*))?/y;
  const items: AuthItem[] = [];
  for (let at = skipSeparators(text, 0); at < text.length; at = skipSeparators(text, item.lastIndex)) {
    item.lastIndex = at;
    const [, name, value] = item.exec(text) ?? [];
    if (name === undefined || !isToken(name)) return undefined;
    items.push({ name: name.toLowerCase(), value: value === undefined ? undefined : unquote(value) });
  }
  return items;
}

function skipSeparators(text: string, from: number): number {
  let at = from;
  while (at < text.length && ' \t\r\n,'.includes(text.charAt(at))) at++;
  return at;
}
