/** The client's side of digest authentication: the answer to a 401 or 407 of one request (RFC 3261 22.2 and 22.3, RFC 8760). */
import { randomBytes } from 'node:crypto';
import { answerChallenge, chooseChallenge, parseChallenges } from './digest.js';
import type { SrfResponse } from './drachtio-types.js';
import { headerLines } from './incoming.js';
import type { Credentials } from './port.js';

export interface ChallengeAnswer {
  readonly headers: Readonly<Record<string, string>>;
  /** The answer before was right, but to a nonce that has expired. */
  readonly stale: boolean;
}

/** Undefined when the response is no challenge, or holds none that we can compute. `uri` is the request-URI as sent. */
export function answerTo(
  response: SrfResponse,
  request: { readonly method: string; readonly uri: string },
  credentials: Credentials,
): ChallengeAnswer | undefined {
  const { status } = response;
  if (status !== 401 && status !== 407) return undefined;
  const lines = headerLines(response.msg, status === 407 ? 'Proxy-Authenticate' : 'WWW-Authenticate');
  const challenge = chooseChallenge(parseChallenges(lines));
  if (!challenge) return undefined;
  // Each challenge brings a nonce of its own, so each is counted from 1.
  const fresh = { cnonce: randomBytes(8).toString('hex'), nonceCount: 1 };
  const value = answerChallenge(challenge, { ...credentials, ...request, ...fresh });
  return {
    headers: { [status === 407 ? 'Proxy-Authorization' : 'Authorization']: value },
    stale: challenge.stale,
  };
}
