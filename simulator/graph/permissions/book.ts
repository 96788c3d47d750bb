import type { Limits } from '../options.js';
import { afterCall, current, granted, revoked, STRANGER, WEEK_MS, type CallOutcome, type Pair } from './pair.js';

/** The pairs of users and business numbers, by phone number id and WhatsApp id. */
export class PermissionBook {
  readonly #pairs = new Map<string, Pair>();

  constructor(
    private readonly clock: () => number,
    private readonly limits: Limits,
  ) {}

  get(phoneNumberId: string, user: string): Pair {
    return current(this.#pairs.get(key(phoneNumberId, user)) ?? STRANGER, this.clock());
  }

  all(): readonly { readonly phoneNumberId: string; readonly user: string; readonly pair: Pair }[] {
    return [...this.#pairs.keys()].map((text) => {
      const [phoneNumberId = '', user = ''] = text.split(' ');
      return { phoneNumberId, user, pair: this.get(phoneNumberId, user) };
    });
  }

  /** Temporary permission lasts 168 h unless told otherwise. */
  grant(phoneNumberId: string, user: string, kind: 'temporary' | 'permanent', expiresAtMs?: number): Pair {
    return this.#change(phoneNumberId, user, (pair, now) => granted(pair, kind, expiresAtMs ?? now + WEEK_MS));
  }

  revoke(phoneNumberId: string, user: string): Pair {
    return this.#change(phoneNumberId, user, revoked);
  }

  requested(phoneNumberId: string, user: string, messageId: string): Pair {
    return this.#change(phoneNumberId, user, (pair, atMs) => ({
      ...pair,
      requestsAtMs: [...pair.requestsAtMs, atMs],
      pending: { messageId, atMs },
    }));
  }

  openWindow(phoneNumberId: string, user: string, untilMs: number): Pair {
    return this.#change(phoneNumberId, user, (pair) => ({ ...pair, windowUntilMs: untilMs }));
  }

  called(phoneNumberId: string, user: string, call: CallOutcome): Pair {
    return this.#change(phoneNumberId, user, (pair, now) => afterCall(pair, call, now, this.limits));
  }

  #change(phoneNumberId: string, user: string, change: (pair: Pair, nowMs: number) => Pair): Pair {
    const after = change(this.get(phoneNumberId, user), this.clock());
    this.#pairs.set(key(phoneNumberId, user), after);
    return after;
  }
}

const key = (phoneNumberId: string, user: string): string => `${phoneNumberId} ${waId(user)}`;

/** A WhatsApp id is a number without + or a BSUID, such as US.13491208655302741918. */
export const waId = (user: string): string => user.replace(/^\+/, '');

export const isWaId = (text: string): boolean => /^\+?[1-9]\d{6,14}$/.test(text);

export const isBsuid = (text: string): boolean => /^[A-Z]{2}\.[A-Za-z0-9]{1,128}$/.test(text);
