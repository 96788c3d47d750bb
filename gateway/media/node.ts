import type { RtpengineConfig } from '../config/types.js';
import type { Log } from './log.js';
import { NgClient, NgRefusal, NgTimeout, type NgArguments, type NgReply } from './ng/client.js';

/** One round of `ping` or `list` per node. A lost node is noticed after two silent rounds, about 5 s. */
export const ROUND_MS = 2000;
const ROUND_TIMEOUT_MS = 1000;
const SILENT_ROUNDS = 2;
/** A list reply is one datagram: so many call-ids fit in it, other gateways' long ones included. */
const LIST_LIMIT = 300;
/** Sessions that a full list has no room for are asked for one by one, at most so many a round. */
const QUERIES_PER_ROUND = 50;

/** Tags of the two sides of every session; a delete has to name the first, which is there from the offer on. */
export const CALLER = 'caller';
export const CALLEE = 'callee';

export interface Watched {
  /** Called when the node no longer has the session. */
  readonly onLost: (reason: string) => void;
  /** Audio comes from the node: it lives, however slow it is to answer. */
  readonly hears: () => boolean;
}

/** One rtpengine and the sessions of this process on it. */
export class Node {
  readonly config: RtpengineConfig;
  readonly #ng: NgClient;
  readonly #log: Log;
  readonly #sessions = new Map<string, Watched>();
  /** Sessions that a silent node may have made; deleted when it answers again. */
  readonly #leftovers = new Set<string>();
  readonly #timer: NodeJS.Timeout;
  #orphans: ((callId: string) => boolean) | undefined;
  #silentRounds = 0;
  #turn = 0;
  #answers = true;
  #inRound = false;

  constructor(
    config: RtpengineConfig,
    options: { readonly timeoutMs: number; readonly roundMs: number; readonly log: Log },
  ) {
    this.config = config;
    this.#log = options.log;
    this.#ng = new NgClient({ host: config.host, port: config.port, timeoutMs: options.timeoutMs });
    this.#timer = setInterval(() => void this.#round(), options.roundMs);
    this.#timer.unref();
  }

  get name(): string {
    return this.#ng.name;
  }

  /** False from a command without a reply until the next `ping` with one. */
  get answers(): boolean {
    return this.#answers;
  }

  get sessions(): number {
    return this.#sessions.size;
  }

  /** @throws NgTimeout, NgRefusal */
  async request(command: 'offer' | 'answer' | 'query', callId: string, args: NgArguments = {}): Promise<NgReply> {
    try {
      return await this.#ng.request(command, { ...args, 'call-id': callId });
    } catch (error) {
      if (error instanceof NgTimeout) this.#silent(error);
      throw error;
    }
  }

  watch(callId: string, session: Watched): void {
    this.#sessions.set(callId, session);
  }

  /** Deletes a session. Resolves with rtpengine's last figures; without them when it is silent or knew no such call. */
  async delete(callId: string): Promise<NgReply | undefined> {
    this.#sessions.delete(callId);
    try {
      return await this.#ng.request('delete', deletion(callId));
    } catch (error) {
      if (error instanceof NgTimeout) {
        this.#leftovers.add(callId);
        this.#silent(error);
      }
      return undefined;
    }
  }

  /**
   * Deletes every session that `isOrphan` names. Resolves with their number. On a silent node it is done when the node
   * answers, and 0 is the number now.
   */
  async deleteOrphans(isOrphan: (callId: string) => boolean): Promise<number> {
    this.#orphans = isOrphan;
    try {
      return await this.#deleteOrphans();
    } catch (error) {
      this.#silent(error as Error);
      return 0;
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.#ng.close();
  }

  /** Silent nodes get a ping; the others are asked which sessions they have. */
  async #round(): Promise<void> {
    if (this.#inRound) return;
    this.#inRound = true;
    try {
      if (!this.#answers || this.#sessions.size === 0) await this.#ng.request('ping', {}, ROUND_TIMEOUT_MS);
      const watched = [...this.#sessions.keys()];
      if (watched.length > 0) await this.#findForgotten(watched);
      await this.#heard();
    } catch (error) {
      this.#silent(error as Error);
      this.#silentRounds += 1;
      if (this.#silentRounds >= SILENT_ROUNDS) this.#loseSilent(`rtpengine ${this.name} does not answer`);
    } finally {
      this.#inRound = false;
    }
  }

  async #list(timeoutMs?: number): Promise<string[]> {
    const { calls } = await this.#ng.request('list', { limit: LIST_LIMIT }, timeoutMs);
    return Array.isArray(calls) ? calls.map(String) : [];
  }

  async #deleteOrphans(): Promise<number> {
    const deleted = new Set<string>();
    for (;;) {
      const isOrphan = this.#orphans;
      const listed = isOrphan === undefined ? [] : (await this.#list()).filter(isOrphan);
      const found = listed.filter((callId) => !deleted.has(callId)); // one that stays must not keep us here
      if (found.length === 0) break;
      for (const callId of found) {
        await this.#ng.request('delete', deletion(callId));
        deleted.add(callId);
      }
    }
    this.#orphans = undefined;
    return deleted.size;
  }

  /** `watched` were there before the list was asked for: what a whole list lacks is gone. */
  async #findForgotten(watched: readonly string[]): Promise<void> {
    const listed = await this.#list(ROUND_TIMEOUT_MS);
    const present = new Set(listed);
    const missing = watched.filter((id) => !present.has(id));
    const whole = listed.length < LIST_LIMIT;
    for (const id of whole ? missing : this.#some(missing)) {
      if (whole || !(await this.#knows(id))) this.#lose(id, `rtpengine ${this.name} lost the session`);
    }
  }

  /** Where the list cannot hold all, the others are asked for in turn. */
  #some(missing: readonly string[]): readonly string[] {
    const from = missing.length === 0 ? 0 : this.#turn % missing.length;
    this.#turn = from + QUERIES_PER_ROUND;
    return [...missing.slice(from), ...missing.slice(0, from)].slice(0, QUERIES_PER_ROUND);
  }

  async #knows(callId: string): Promise<boolean> {
    try {
      await this.#ng.request('query', { 'call-id': callId }, ROUND_TIMEOUT_MS);
      return true;
    } catch (error) {
      if (error instanceof NgRefusal) return false;
      throw error;
    }
  }

  async #heard(): Promise<void> {
    this.#silentRounds = 0;
    if (!this.#answers) {
      this.#answers = true;
      this.#log.info({ node: this.name }, 'rtpengine answers again');
    }
    for (const callId of [...this.#leftovers]) {
      this.#leftovers.delete(callId);
      await this.delete(callId);
    }
    await this.#deleteOrphans();
  }

  #silent(error: Error): void {
    if (!this.#answers) return;
    this.#answers = false;
    this.#log.warn({ node: this.name, error: error.message }, 'rtpengine does not answer; left out until it does');
  }

  /** A busy node answers late and goes on with its calls: those that are heard are kept. */
  #loseSilent(reason: string): void {
    for (const [callId, { hears }] of [...this.#sessions]) if (!hears()) this.#lose(callId, reason);
  }

  #lose(callId: string, reason: string): void {
    const session = this.#sessions.get(callId);
    this.#sessions.delete(callId);
    session?.onLost(reason);
  }
}

function deletion(callId: string): NgArguments {
  return { 'call-id': callId, 'from-tag': CALLER, 'delete delay': 0 };
}
