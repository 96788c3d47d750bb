import { randomBytes } from 'node:crypto';
import type { ChallengeResult, Challenger } from '../calls/user-calls.js';
import type { NumberConfig } from '../config/types.js';
import { createDigestVerifier } from '../sip/digest-verifier.js';

export interface Passwords {
  /** Any that Meta may use now, the current one first. */
  passwords(number: NumberConfig): readonly string[];
  /** Meta's digest fitted none of them. */
  failed(number: NumberConfig): void;
}

/** Checks Meta's digest against every password that a number may have just now. */
export function createChallenger(realm: string, credentials: Passwords): Challenger {
  const verifier = createDigestVerifier({ realm, clock: Date.now, secret: randomBytes(32) });
  return {
    check(invite, number) {
      const attempt = {
        authorization: invite.header('proxy-authorization'),
        method: invite.method,
        requestUri: invite.requestUri,
        username: number.number,
      };
      let result: ChallengeResult = { kind: 'refused', why: 'the SIP password of the number is not known' };
      for (const password of credentials.passwords(number)) {
        result = verifier.verify({ ...attempt, password });
        if (result.kind !== 'refused') return result;
      }
      if (attempt.authorization !== undefined) credentials.failed(number);
      return result;
    },
  };
}
