/**
 * Stops whoever guesses passwords: after too many wrong ones from an address its answers to challenges are refused without a
 * look, for a time that doubles with each further wrong one. Others are not affected, so that nobody can lock out a user
 * by guessing his password; of a user name that is guessed from many addresses each of them has only one guess.
 *
 * It is not meant for addresses that can be forged: whoever calls `failed` has to know that the answer was to a challenge
 * which had been sent to that address.
 */
import { isIPv6 } from 'node:net';

export interface GuessBrakeOptions {
  /** So many wrong passwords from one address start it, each within `windowMs` of the one before. */
  readonly failures: number;
  /** So many for one user name, from all addresses: from then on the first one from an address starts it. */
  readonly failuresOfUser: number;
  readonly windowMs: number;
  /** How long the first brake lasts; each further one twice as long as the one before, at most `longestMs`. */
  readonly firstMs: number;
  readonly longestMs: number;
  /** Milliseconds. */
  readonly now: () => number;
  readonly observer: GuessObserver;
}

export interface GuessObserver {
  /** A wrong password. */
  wrong(): void;
  /** An answer was refused without a look. */
  braked(): void;
  started(brake: StartedBrake): void;
}

export interface StartedBrake {
  /** The address; of IPv6 its /64. */
  readonly source: string;
  /** The last one that was tried; empty where there is none of that name. */
  readonly user: string;
  readonly forMs: number;
}

export interface GuessBrake {
  /** True: refuse the answer unseen. `user`: a configured name, or '' for any other. */
  isOn(address: string, user: string): boolean;
  failed(address: string, user: string): void;
}

interface Guesser {
  failures: number;
  /** How many brakes it has had. */
  brakes: number;
  until: number;
  forgottenAt: number;
}

/** Of one address each; the one that has failed least lately is forgotten first. */
const MOST = 10_000;

/**
 * @param perUser whether an address that is braked for one user may go on with others: where many users' calls come from
 *   the same few addresses.
 */
export function createGuessBrake(options: GuessBrakeOptions, perUser = false): GuessBrake {
  const { now, windowMs, observer } = options;
  const sources = new Map<string, Guesser>();
  const users = new Map<string, { failures: number; forgottenAt: number }>();
  const keyOf = (address: string, user: string): string => `${sourceOf(address)}${perUser ? ` ${user}` : ''}`;

  /** @returns whether its password is being guessed from many places */
  const countUser = (user: string): boolean => {
    const known = users.get(user);
    const failures = (known !== undefined && known.forgottenAt > now() ? known.failures : 0) + 1;
    users.set(user, { failures, forgottenAt: now() + windowMs });
    return failures > options.failuresOfUser;
  };

  const recordOf = (key: string): Guesser => {
    const known = sources.get(key);
    sources.delete(key);
    const record =
      known !== undefined && known.forgottenAt > now() ? known : { failures: 0, brakes: 0, until: 0, forgottenAt: 0 };
    sources.set(key, record);
    const oldest = sources.keys().next();
    if (sources.size > MOST && oldest.done !== true) sources.delete(oldest.value);
    return record;
  };

  return {
    isOn(address, user) {
      const on = (sources.get(keyOf(address, user))?.until ?? 0) > now();
      if (on) observer.braked();
      return on;
    },
    failed(address, user) {
      observer.wrong();
      const guessed = countUser(user);
      const record = recordOf(keyOf(address, user));
      record.failures++;
      record.forgottenAt = now() + windowMs;
      if (record.failures < options.failures && record.brakes === 0 && !guessed) return;
      const forMs = Math.min(options.firstMs * 2 ** record.brakes, options.longestMs);
      record.failures = 0;
      record.brakes++;
      record.until = now() + forMs;
      record.forgottenAt = record.until + forMs + windowMs;
      observer.started({ source: sourceOf(address), user, forMs });
    },
  };
}

/** A host has all of its /64 to come from. */
function sourceOf(address: string): string {
  const plain = address.replace(/%.*$/, '').toLowerCase();
  if (!isIPv6(plain) || plain.includes('.')) return plain;
  const [head = '', tail] = plain.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - left.length - right.length }, () => '0');
  const groups = [...left, ...zeros, ...right].slice(0, 4).map((group) => group.replace(/^0+(?=.)/, ''));
  return `${groups.join(':')}::/64`;
}
