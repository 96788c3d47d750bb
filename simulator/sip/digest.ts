import { createHash, randomBytes } from 'node:crypto';
import { DigestAuthentication, type LoggerFactory, type OutgoingRequestMessage } from 'sip.js/lib/core/index.js';

export interface DigestCredentials {
  readonly username: string;
  readonly password: string;
  /** Meta hashes the request-URI without its transport parameter. */
  readonly uri: string;
}

/** A Digest challenge; what the gateway did not send is not there. */
export interface Challenge {
  readonly realm?: string;
  readonly nonce?: string;
  readonly opaque?: string;
  readonly algorithm?: string;
  readonly qop?: readonly string[];
  readonly stale?: boolean;
}

/** The parameters of a challenge or of an answer to one, by their names in lower case (RFC 7616 section 3.3). */
export function digestParameters(raw: string): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const [, name = '', quoted, bare] of raw.matchAll(/([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^,\s]+))/g)) {
    found[name.toLowerCase()] = quoted ?? bare ?? '';
  }
  return found;
}

const md5 = (text: string): string => createHash('md5').update(text).digest('hex');

/** Meta's answer to a challenge: MD5 with qop=auth, opaque echoed, algorithm echoed only if it was sent. */
export class MetaDigest extends DigestAuthentication {
  #header = '';

  constructor(
    loggerFactory: LoggerFactory,
    private readonly credentials: DigestCredentials,
    private readonly refuses: (why: string) => void,
    private readonly stillWanted: () => boolean,
  ) {
    super(loggerFactory, undefined, credentials.username, credentials.password);
  }

  /** Called by sip.js' core for each challenge; false leaves the 401 or 407 to be the final answer. */
  override authenticate(request: OutgoingRequestMessage, challenge: Challenge): boolean {
    const { realm, nonce, algorithm, qop } = challenge;
    this.stale = challenge.stale;
    if (request.method !== 'INVITE' || !this.stillWanted()) return false;
    if (realm === undefined || nonce === undefined) return false;
    if ((algorithm !== undefined && algorithm.toUpperCase() !== 'MD5') || qop?.includes('auth') !== true) {
      this.refuses(`algorithm=${algorithm ?? '(none)'}, qop=${qop?.join() ?? '(none)'}`);
      return false;
    }
    this.#header = this.#answer(request.method, { ...challenge, realm, nonce });
    return true;
  }

  override toString(): string {
    return this.#header;
  }

  #answer(method: string, c: Challenge & { realm: string; nonce: string }): string {
    const { username, password, uri } = this.credentials;
    const cnonce = randomBytes(16).toString('base64url');
    const nc = '00000001';
    const ha1 = md5(`${username}:${c.realm}:${password}`);
    const response = md5(`${ha1}:${c.nonce}:${nc}:${cnonce}:auth:${md5(`${method}:${uri}`)}`);
    return [
      `Digest username="${username}"`,
      `realm="${c.realm}"`,
      `nonce="${c.nonce}"`,
      `uri="${uri}"`,
      `response="${response}"`,
      ...(c.algorithm === undefined ? [] : [`algorithm=${c.algorithm}`]),
      `cnonce="${cnonce}"`,
      ...(c.opaque === undefined ? [] : [`opaque="${c.opaque}"`]),
      'qop=auth',
      `nc=${nc}`,
    ].join(', ');
  }
}
