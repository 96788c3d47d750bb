import type { LadderEntry } from '../ladder.js';
import { LinkError } from '../link.js';
import type { Report, SipRuleId, Violation } from '../rules-used.js';
import type { SipSocket } from '../sip-socket.js';

export interface ConversationHost {
  /** Sends over Meta's own link to the gateway. Rejects with LinkError. */
  send(raw: string): Promise<void>;
  report(rule: SipRuleId, detail: string, callId: string): Violation;
}

/** What was said in one call and what was wrong with it, with the ways to say more. */
export class Conversation {
  readonly ladder: LadderEntry[] = [];
  readonly violations: Violation[] = [];
  readonly #started = performance.now();

  constructor(
    private readonly callId: string,
    private readonly host: ConversationHost,
  ) {}

  /** Milliseconds since the call began. */
  now(): number {
    return performance.now() - this.#started;
  }

  /** Takes note of each finding once: what is wrong with an INVITE is wrong with the one after the challenge as well. */
  readonly report: Report = (rule, detail) => {
    if (this.violations.some((known) => known.rule === rule && known.detail === detail)) return;
    this.violations.push(this.host.report(rule, detail, this.callId));
  };

  heard(raw: string): void {
    this.ladder.push({ atMs: this.now(), direction: 'in', raw });
  }

  /** Sends a response on the connection of its request, or on Meta's own where that is gone (RFC 3261 section 18.2.2). */
  respond(raw: string, to: SipSocket): void {
    this.ladder.push({ atMs: this.now(), direction: 'out', raw });
    if (!to.send(raw)) this.#sendOwn(raw).catch(() => undefined); // told in the violations, if a rule was in the way
  }

  /** Sends a request over Meta's own link. Rejects with LinkError. */
  async request(raw: string): Promise<void> {
    this.ladder.push({ atMs: this.now(), direction: 'out', raw });
    await this.#sendOwn(raw);
  }

  async #sendOwn(raw: string): Promise<void> {
    try {
      await this.host.send(raw);
    } catch (error) {
      if (error instanceof LinkError && error.rule) this.report(error.rule, error.message);
      throw error;
    }
  }
}
