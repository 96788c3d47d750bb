import type { AnsweringMedia } from '../media-port.js';
import { REFUSALS, type FinalRefusal, type RefusalId } from './refusals.js';

/** What the called user, or Meta, does with a call of the business. Times in ms. */
export type Plan =
  | {
      readonly kind: 'answer';
      readonly media: AnsweringMedia;
      /** From the INVITE that was let in to the 200; default 0. */
      readonly afterMs?: number;
      /** 180 first; default true. */
      readonly ringing?: boolean;
      /** Answers when the CANCEL comes, before it is taken note of: the two cross, as the gateway sees it. */
      readonly crossesCancel?: boolean;
    }
  /** Rings until the business cancels, or `answer`, `refuse` or `hangup` of the call is called. */
  | { readonly kind: 'ring' }
  | {
      readonly kind: 'refuse';
      readonly refusal: RefusalId | FinalRefusal;
      readonly afterMs?: number;
      /** 180 first; default false. */
      readonly ringing?: boolean;
    };

export function refusalOf(refusal: RefusalId | FinalRefusal): FinalRefusal {
  return typeof refusal === 'string' ? REFUSALS[refusal] : refusal;
}
