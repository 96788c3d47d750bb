/** The SIP password of one number: from its file, from the store, from Meta. */
import type { NumberConfig } from '../../config/types.js';
import { GraphError, type Graph } from '../graph/port.js';
import type { Store } from '../../store/index.js';
import type { KeptPasswords, Passwords } from './kept.js';
import { readPassword } from './read.js';

export interface PasswordDeps {
  readonly graph: Graph | undefined;
  readonly store: Store;
  readonly kept: KeptPasswords;
  readonly hostname: string;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
  readonly clock: () => number;
  /** 0 to below 1. */
  readonly random: () => number;
  readonly changed: (number: string) => void;
}

/** One fetch, from the lease to the store. */
const FETCH_MS = 2000;
const LEASE_MS = 5000;
const POLL_MS = 50;
/** What Meta answered stands for so long: one that still refuses it has another reason. */
const ANSWER_STANDS_MS = 60_000;
const FAILED_EVERY_MS = 60_000;
/** Meta's edges may use the former one for a while. */
const PREVIOUS_MS = 10 * 60_000;
const RETRY_FIRST_MS = 5000;
const RETRY_MAX_MS = 5 * 60_000;

export class NumberPassword {
  readonly #number: NumberConfig;
  readonly #deps: PasswordDeps;
  #passwords: Passwords | undefined;
  #fetching: Promise<void> | undefined;
  /** The refused password that Meta was asked about last. */
  #asked: { readonly used: string; readonly atMs: number } | undefined;
  #failedAt = -Infinity;
  #retry: NodeJS.Timeout | undefined;
  #retries = 0;
  #closed = false;

  constructor(number: NumberConfig, deps: PasswordDeps) {
    this.#number = number;
    this.#deps = deps;
    const fixed = number.sipPassword?.reveal();
    if (fixed !== undefined) this.#passwords = { current: fixed, fetchedAtMs: 0 };
  }

  /** Current first. */
  get all(): readonly string[] {
    if (this.#passwords === undefined) return [];
    const { current, previous } = this.#passwords;
    const isPreviousGood = previous !== undefined && previous.untilMs > this.#deps.clock();
    return isPreviousGood ? [current, previous.password] : [current];
  }

  /** From the store; then Meta is asked, and waited for only where the store had none. */
  async start(): Promise<void> {
    if (this.#isFixed()) return;
    await this.#load();
    const fetched = this.#fetch();
    if (this.#passwords === undefined) await fetched;
  }

  /** @returns another than `used`, else undefined; never later than {@link FETCH_MS} */
  async renew(used: string): Promise<string | undefined> {
    if (this.all[0] === used && !this.#isFixed() && !this.#isAsked(used)) {
      const asking = this.#fetch();
      this.#asked = { used, atMs: this.#deps.clock() };
      await asking;
    } else if (this.#fetching !== undefined) await this.#fetching;
    const [current] = this.all;
    return current === used ? undefined : current;
  }

  #isAsked(used: string): boolean {
    return this.#asked?.used === used && this.#deps.clock() - this.#asked.atMs < ANSWER_STANDS_MS;
  }

  /** Meta's own digest did not fit any of them. */
  failed(): void {
    const now = this.#deps.clock();
    const [current] = this.all;
    if (now - this.#failedAt < FAILED_EVERY_MS) return;
    this.#failedAt = now;
    if (current === undefined) void this.#fetch();
    else void this.renew(current);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
  }

  #isFixed(): boolean {
    return this.#number.sipPassword !== undefined || this.#graphPath() === undefined;
  }

  #graphPath(): string | undefined {
    const { phoneNumberId } = this.#number;
    return this.#deps.graph === undefined || phoneNumberId === undefined ? undefined : `${phoneNumberId}/settings`;
  }

  /** Never rejects, and is over in time; those who come meanwhile share it. */
  #fetch(): Promise<void> {
    this.#fetching ??= this.#fetchInTime().finally(() => (this.#fetching = undefined));
    return this.#fetching;
  }

  async #fetchInTime(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<string>((resolve) => {
      timer = setTimeout(resolve, FETCH_MS, `no answer within ${FETCH_MS} ms`);
    });
    const failure = await Promise.race([this.#fetchShared().catch(reasonOf), late]);
    clearTimeout(timer);
    if (failure === undefined) this.#retries = 0;
    else this.#retryLater(failure);
  }

  /** One gateway asks; the others take from the store what it was told. @returns why there is no password */
  async #fetchShared(): Promise<string | undefined> {
    const deadline = performance.now() + FETCH_MS;
    const since = this.#deps.clock();
    const known = this.all[0];
    while (performance.now() < deadline && !this.#closed) {
      const lease = await this.#lease();
      await this.#load();
      // Somebody was faster.
      const isRenewed = this.all[0] !== known || (this.#passwords?.fetchedAtMs ?? 0) > since;
      try {
        if (isRenewed) return undefined;
        if (lease !== undefined) return await this.#ask();
      } finally {
        await lease?.release().catch(ignore);
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    return 'another gateway is fetching it';
  }

  /** A store that is away stops nobody from asking. */
  async #lease(): Promise<{ release(): Promise<void> } | undefined> {
    try {
      return await this.#deps.store.lease(`sip-password:${this.#number.number}`, LEASE_MS);
    } catch {
      return { release: () => Promise.resolve() };
    }
  }

  async #ask(): Promise<string | undefined> {
    const path = this.#graphPath();
    if (this.#deps.graph === undefined || path === undefined) return undefined;
    const query = { include_sip_credentials: 'true' };
    const answer = await this.#deps.graph.get(path, query, { timeoutMs: FETCH_MS });
    const found = readPassword(answer, this.#deps.hostname);
    if (found.kind === 'none') return found.reason;
    await this.#take(found.password);
    return undefined;
  }

  async #take(password: string): Promise<void> {
    const fetchedAtMs = this.#deps.clock();
    const before = this.#passwords;
    if (before?.current === password) this.#passwords = { ...before, fetchedAtMs };
    else if (before === undefined) this.#set({ current: password, fetchedAtMs });
    else {
      const previous = { password: before.current, untilMs: fetchedAtMs + PREVIOUS_MS };
      this.#set({ current: password, fetchedAtMs, previous });
    }
    try {
      if (this.#passwords !== undefined) await this.#deps.kept.save(this.#number.number, this.#passwords);
    } catch (error) {
      this.#deps.log.warn({ number: this.#number.number, err: error }, 'SIP password is not kept: the store failed');
    }
  }

  async #load(): Promise<void> {
    try {
      const kept = await this.#deps.kept.load(this.#number.number);
      if (kept === undefined || kept.fetchedAtMs <= (this.#passwords?.fetchedAtMs ?? -1)) return;
      if (kept.current === this.#passwords?.current) this.#passwords = kept;
      else this.#set(kept);
    } catch (error) {
      this.#deps.log.warn({ number: this.#number.number, err: error }, 'SIP password cannot be read from the store');
    }
  }

  #set(passwords: Passwords): void {
    const isFirst = this.#passwords === undefined;
    this.#passwords = passwords;
    if (!isFirst) this.#deps.log.info({ number: this.#number.number }, 'SIP password of the number has changed');
    this.#deps.changed(this.#number.number);
  }

  #retryLater(reason: string): void {
    if (this.#closed) return;
    const pause = Math.min(RETRY_FIRST_MS * 2 ** this.#retries++, RETRY_MAX_MS);
    const retryMs = Math.round(pause * (0.8 + 0.4 * this.#deps.random()));
    const known = this.#passwords === undefined ? 'none is known' : 'the known one stays';
    const fields = { number: this.#number.number, reason, retryMs };
    this.#deps.log.warn(fields, `SIP password cannot be fetched; ${known}`);
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => void this.#fetch(), retryMs).unref();
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof GraphError) return [error.fault.message, error.fault.remedy].filter(Boolean).join('; ');
  return error instanceof Error ? error.message : String(error);
}

const ignore = (): void => undefined;
