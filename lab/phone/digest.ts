import { createHash, randomBytes } from 'node:crypto';
import { parseChallenge } from '../../simulator/sip/core-message.js';
import { cseq, header, type SipText } from '../../simulator/sip/sip-text.js';

const md5 = (text: string): string => createHash('md5').update(text).digest('hex');

/** Answers Asterisk's challenge, which is MD5 with qop=auth; undefined where the response is none. */
export function authorization(
  request: SipText,
  challenge: SipText,
  username: string,
  password: string,
): readonly [string, string] | undefined {
  const proxy = header(challenge, 'proxy-authenticate');
  const raw = header(challenge, 'www-authenticate') ?? proxy;
  if ((raw === undefined || header(request, 'authorization')) ?? header(request, 'proxy-authorization'))
    return undefined;
  const { realm = '', nonce = '', opaque } = parseChallenge(raw);
  const uri = request.startLine.split(' ')[1] ?? '';
  const cnonce = randomBytes(8).toString('hex');
  const ha1 = md5(`${username}:${realm}:${password}`);
  const ha2 = md5(`${cseq(request)?.method ?? ''}:${uri}`);
  const response = md5(`${ha1}:${nonce}:00000001:${cnonce}:auth:${ha2}`);
  const value =
    `Digest username="${username}", realm="${realm}", nonce="${nonce}", uri="${uri}", response="${response}", ` +
    `algorithm=MD5, cnonce="${cnonce}", qop=auth, nc=00000001${opaque === undefined ? '' : `, opaque="${opaque}"`}`;
  return [proxy === undefined ? 'Authorization' : 'Proxy-Authorization', value];
}
