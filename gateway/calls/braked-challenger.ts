import type { GuessBrake } from '../sip/guess-brake.js';
import type { Challenger } from './user-calls.js';

/** Who guesses the password of a number is refused without a look; a first INVITE is challenged all the same. */
export function brakedChallenger(challenger: Challenger, brake: GuessBrake): Challenger {
  return {
    check(invite, number) {
      const { address } = invite.source;
      const answers = invite.header('proxy-authorization') !== undefined;
      if (answers && brake.isOn(address, number.number))
        return { kind: 'refused', why: 'too many wrong passwords: not looked at' };
      const result = challenger.check(invite, number);
      if (result.kind === 'refused' && result.why === 'response') brake.failed(address, number.number);
      return result;
    },
  };
}
