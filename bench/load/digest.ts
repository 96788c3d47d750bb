import { createHash, randomBytes } from 'node:crypto';

export interface Credentials {
  readonly username: string;
  readonly password: string;
  /** As Meta hashes it: the request-URI without its transport parameter. */
  readonly uri: string;
}

/** The answer to a challenge of an INVITE: MD5 with qop=auth, opaque echoed (RFC 2617), as Meta gives it. */
export function answerChallenge(challenge: string, { username, password, uri }: Credentials): string {
  const field = (name: string): string | undefined => new RegExp(`\\b${name}="?([^",]*)"?`, 'i').exec(challenge)?.[1];
  const [realm, nonce, opaque] = [field('realm') ?? '', field('nonce') ?? '', field('opaque')];
  const cnonce = randomBytes(12).toString('base64url');
  const ha1 = md5(`${username}:${realm}:${password}`);
  const response = md5(`${ha1}:${nonce}:00000001:${cnonce}:auth:${md5(`INVITE:${uri}`)}`);
  const tail = opaque === undefined ? '' : `, opaque="${opaque}"`;
  return (
    `Digest username="${username}", realm="${realm}", nonce="${nonce}", uri="${uri}", response="${response}", ` +
    `algorithm=MD5, cnonce="${cnonce}"${tail}, qop=auth, nc=00000001`
  );
}

const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
