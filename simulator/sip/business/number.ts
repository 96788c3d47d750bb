import type { Codec, Keying } from '../../media/types.js';

/** How Meta challenges the calls of one number. */
export interface ChallengeScript {
  /**
   * One Proxy-Authenticate header each, in this order, each with a nonce and an opaque of its own; none: no challenge.
   * MD5 and SHA-256 can be verified, anything else stands for an algorithm that nobody knows.
   */
  readonly algorithms: readonly string[];
  /** The first right answer is met with new challenges that say stale=true. */
  readonly staleOnce?: boolean;
  /** BYE is challenged as well. */
  readonly bye?: boolean;
}

/** As seen in live calls of 2026. */
export const LIVE_CHALLENGE: ChallengeScript = { algorithms: ['SHA-256', 'MD5'] };

/** A business number as it is set up at Meta. */
export interface BusinessNumber {
  /** +E.164. */
  readonly number: string;
  /** The password that Meta made for the number. */
  readonly password: string;
  readonly keying: Keying;
  /** Opus alone unless G.711 was enabled (`additional_codecs`). */
  readonly codecs?: readonly Codec[];
  readonly phoneNumberId?: string;
  /** Default LIVE_CHALLENGE. */
  readonly challenge?: ChallengeScript;
}
