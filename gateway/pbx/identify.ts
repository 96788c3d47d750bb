/** Which trunk a request comes from: known by its source network, or by digest where the trunk asks for that. */
import { randomBytes } from 'node:crypto';
import type { TrunkConfig } from '../config/types.js';
import { parseCredentials } from '../sip/digest.js';
import type { GuessBrake } from '../sip/guess-brake.js';
import type { IncomingRequest, Response } from '../sip/port.js';
import { createNetworks } from '../sip/trust.js';

export interface Attempt {
  readonly authorization: string | undefined;
  readonly method: string;
  readonly requestUri: string;
  readonly username: string;
  readonly password: string;
  /** The address it came from: an answer counts only where its challenge went. */
  readonly peer: string;
}

export type Verdict =
  | { readonly kind: 'ok' }
  /** Values of WWW-Authenticate, one for each algorithm, the strongest first. */
  | { readonly kind: 'challenge'; readonly headers: readonly string[] }
  | { readonly kind: 'refused'; readonly why: string };

export interface IdentifyDeps {
  readonly trunks: readonly TrunkConfig[];
  /** The one of our challenges. */
  readonly realm: string;
  /** Its time must not depend on what is wrong with an answer. */
  readonly verify: (attempt: Attempt) => Verdict;
  readonly brake: GuessBrake;
}

export type Identity =
  /** Several, where one PBX has several trunks: its caller id tells them apart. At least one. */
  | { readonly kind: 'trunk'; readonly trunks: readonly TrunkConfig[] }
  | { readonly kind: 'challenge'; readonly response: Response }
  /** `why` is for the log; the response says nothing. `braked`: not even looked at, and nothing to write of once more. */
  | { readonly kind: 'refused'; readonly response: Response; readonly why: string; readonly braked: boolean };

/** For requests that came in on the listener of the PBX. */
export type Identify = (request: Pick<IncomingRequest, 'header' | 'method' | 'requestUri' | 'source'>) => Identity;

export function createIdentify({ trunks, realm, verify, brake }: IdentifyDeps): Identify {
  const byNetwork = trunks.filter(({ auth }) => auth === undefined).map(withSource);
  const byDigest = trunks.filter(({ auth }) => auth !== undefined).map(withSource);
  // Who is nobody is checked like everybody, against a password that nobody has.
  const noPassword = randomBytes(32).toString('hex');

  return (request) => {
    const { address } = request.source;
    const known = byNetwork.filter(({ isFrom }) => isFrom(address));
    if (known.length > 0) return { kind: 'trunk', trunks: known.map(({ trunk }) => trunk) };
    const able = byDigest.filter(({ isFrom }) => isFrom(address));
    if (able.length === 0) return refused(`${address} is in the networks of no trunk`);

    const authorization = request.header('authorization');
    const answer = parseCredentials(authorization).find((one) => one.realm === realm);
    const username = answer?.username ?? '';
    const claimed = able.find(({ trunk }) => trunk.auth?.username === username)?.trunk;
    const guessed = claimed === undefined ? '' : username;
    if (answer !== undefined && brake.isOn(address, guessed)) return refused('too many wrong passwords', true);
    const { method, requestUri } = request;
    const password = claimed?.auth?.password.reveal() ?? noPassword;
    const verdict = verify({ authorization, method, requestUri, username, password, peer: address });
    switch (verdict.kind) {
      case 'ok':
        return claimed === undefined ? refused(unknown(username)) : { kind: 'trunk', trunks: [claimed] };
      case 'challenge':
        return { kind: 'challenge', response: challenge(verdict.headers) };
      case 'refused':
        if (verdict.why === 'response') brake.failed(address, guessed);
        return refused(claimed === undefined ? unknown(username) : `trunk ${claimed.name}: digest ${verdict.why}`);
    }
  };
}

function withSource(trunk: TrunkConfig): { trunk: TrunkConfig; isFrom: (address: string) => boolean } {
  return { trunk, isFrom: trunk.networks.length === 0 ? () => true : createNetworks(trunk.networks) };
}

function unknown(username: string): string {
  return `user ${JSON.stringify(username.slice(0, 64))} is of no trunk`;
}

function refused(why: string, braked = false): Identity {
  return { kind: 'refused', response: { status: 403, reason: 'Forbidden' }, why, braked };
}

/** A user agent server asks with 401 (RFC 3261 22.2), in one line for each algorithm (RFC 8760 2.4). */
function challenge(headers: readonly string[]): Response {
  return { status: 401, reason: 'Unauthorized', headers: { 'WWW-Authenticate': headers } };
}
