/** Requests of a PBX, and the verifier that judges them. */
import type { Attempt, Verdict } from '../../gateway/pbx/identify.js';
import { createDigestVerifier } from '../../gateway/sip/digest-verifier.js';
import type { GuessBrake } from '../../gateway/sip/guess-brake.js';
import type { Headers, IncomingRequest, Response, Source } from '../../gateway/sip/port.js';

export const REALM = 'gateway.example.com';

export interface RecordedRequest extends IncomingRequest {
  readonly responses: Response[];
}

export function request(
  method: string,
  more: { source?: Source; headers?: Headers; callId?: string; requestUri?: string } = {},
): RecordedRequest {
  const responses: Response[] = [];
  return {
    method,
    source: more.source ?? { address: '192.0.2.1', port: 40_000, transport: 'udp' },
    requestUri: more.requestUri ?? 'sip:+12195550714@gateway.example.com',
    callId: more.callId ?? 'a-call',
    body: '',
    header: (name) => more.headers?.[name.toLowerCase()],
    respond: (response) => void responses.push(response),
    responses,
  };
}

export function noBrake(): GuessBrake {
  return { isOn: () => false, failed: () => undefined };
}

/** The real one. */
export function challengeVerifier(): (attempt: Attempt) => Verdict {
  const verifier = createDigestVerifier({ realm: REALM, clock: () => 0, secret: 'nonces' });
  return (attempt) => {
    const result = verifier.verify(attempt);
    return result.kind === 'challenge' ? { kind: 'challenge', headers: [result.header] } : result;
  };
}
