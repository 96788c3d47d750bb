/** How much guessing of passwords each side may do; docs/decisions/0004-password-guessing.md has the reasons. */
import { createGuessBrake, type GuessBrake, type GuessObserver } from '../sip/guess-brake.js';
import type { GatewayDeps } from './parts.js';

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** Of PBXs that prove themselves by digest, for INVITE and REGISTER together. */
export function pbxBrake(deps: GatewayDeps): GuessBrake {
  return createGuessBrake({
    ...{ failures: 5, failuresOfUser: 20, windowMs: 10 * MINUTE, firstMs: 30 * SECOND, longestMs: 60 * MINUTE },
    ...{ now: () => performance.now(), observer: observerOf('pbx', deps) },
  });
}

/** Of Meta's edge: all numbers call from the same few addresses, and a password that was wrong may have been put right. */
export function whatsappBrake(deps: GatewayDeps): GuessBrake {
  const options = {
    ...{ failures: 10, failuresOfUser: 50, windowMs: 10 * MINUTE, firstMs: 5 * SECOND, longestMs: MINUTE },
    ...{ now: () => performance.now(), observer: observerOf('whatsapp', deps) },
  };
  return createGuessBrake(options, true);
}

function observerOf(side: 'pbx' | 'whatsapp', { log, metrics }: GatewayDeps): GuessObserver {
  return {
    wrong: () => metrics.digestFailed(side, 'wrong'),
    braked: () => metrics.digestFailed(side, 'braked'),
    started: (brake) => {
      metrics.digestBrake(side);
      log.warn(
        { side, ...brake },
        'too many wrong passwords: answers from there are refused without a look for a while',
      );
    },
  };
}
