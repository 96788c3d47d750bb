import type { BusinessCall } from './business-call.js';
import type { ConversationHost } from './conversation.js';
import type { BusinessNumber } from './number.js';
import type { Plan } from './plan.js';

/** What a call of the business needs of the edge. */
export interface BusinessCallHost extends ConversationHost {
  readonly hostname: string;
  readonly numbers: ReadonlyMap<string, BusinessNumber>;
  /** What the user does; asked once, when the INVITE is let in. */
  decide(call: BusinessCall): Promise<Plan>;
  over(call: BusinessCall): void;
}
