/** Meta's account of a call against our own. */
import type { CallTerminated } from './events.js';
import { Recent } from './recent.js';

/** A call as the gateway saw it. Epoch ms. */
export interface OwnCall {
  readonly answered: boolean;
  /** Absent: the durations are not compared. */
  readonly answeredAtMs?: number;
  /** Absent: it is not over yet. */
  readonly endedAtMs?: number;
  readonly outcome?: string;
}

/**
 * - `unseen`: Meta tells of a call that never reached us
 * - `failed-at-meta`: Meta says that it failed, and we saw it answered
 * - `unanswered-here`: Meta says that it was connected, and we saw no answer
 * - `duration`: connected on both sides, but not for as long
 */
export type DisagreementKind = 'unseen' | 'failed-at-meta' | 'unanswered-here' | 'duration';

export interface Disagreement {
  readonly kind: DisagreementKind;
  readonly meta: CallTerminated;
  readonly own?: OwnCall;
  /** How long we saw it connected. */
  readonly ownDurationMs?: number;
}

export interface CorrelatorDeps {
  /**
   * Our call, by Meta's id; the event has number, user and time for calls whose id Meta did not tell us.
   * undefined: not known, or not yet.
   */
  ownCall(wacid: string, event: CallTerminated): OwnCall | undefined | Promise<OwnCall | undefined>;
  /** Once a call. */
  disagree(disagreement: Disagreement): void;
  readonly observe: { agreed(): void; disagreed(kind: DisagreementKind): void; skipped(): void };
  readonly log: { warn(fields: object, message: string): void };
  /** When a call that is not known, or not over, is asked for again; each from the time before. */
  readonly retryMs?: readonly number[];
}

/** Meta's clock and ours, whole seconds, and the BYE on its way. */
const TOLERANCE_MS = 5000;
/** The webhook may be faster than the BYE. */
const RETRY_MS = [2000, 5000, 15_000];
const MAX_PENDING = 1000;
const REMEMBERED = 10_000;

/**
 * Compares each terminated call once. What is still waiting when the process ends is not compared: it is a check,
 * not a state.
 */
export class Correlator {
  readonly #deps: CorrelatorDeps;
  readonly #retryMs: readonly number[];
  readonly #compared = new Recent(REMEMBERED);
  readonly #timers = new Map<string, NodeJS.Timeout>();

  constructor(deps: CorrelatorDeps) {
    this.#deps = deps;
    this.#retryMs = deps.retryMs ?? RETRY_MS;
  }

  terminated(meta: CallTerminated): Promise<void> {
    if (this.#compared.has(meta.wacid) || this.#timers.has(meta.wacid)) return Promise.resolve();
    return this.#compare(meta, 0);
  }

  close(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  async #compare(meta: CallTerminated, asked: number): Promise<void> {
    const own = await this.#deps.ownCall(meta.wacid, meta);
    const wait = this.#retryMs[asked];
    if (own?.endedAtMs === undefined && wait !== undefined) return this.#later(meta, asked + 1, wait);
    this.#compared.add(meta.wacid);
    const found = compare(meta, own);
    if (found === undefined) return this.#deps.observe.agreed();
    this.#deps.observe.disagreed(found.kind);
    this.#deps.disagree(found);
  }

  #later(meta: CallTerminated, asked: number, waitMs: number): void {
    if (this.#timers.size >= MAX_PENDING) return this.#deps.observe.skipped();
    const timer = setTimeout(() => {
      this.#timers.delete(meta.wacid);
      this.#compare(meta, asked).catch((error: unknown) => {
        this.#deps.log.warn(
          { err: error, wacid: meta.wacid },
          'a call could not be compared with what Meta says of it',
        );
        this.#deps.observe.skipped();
      });
    }, waitMs);
    timer.unref();
    this.#timers.set(meta.wacid, timer);
  }
}

/** undefined: nothing that contradicts. */
export function compare(meta: CallTerminated, own: OwnCall | undefined): Disagreement | undefined {
  if (own === undefined) return { kind: 'unseen', meta };
  if (own.answered && meta.status === 'failed') return { kind: 'failed-at-meta', meta, own };
  // COMPLETED alone does not say that anybody picked up; a time does.
  const metaMs = meta.durationMs ?? spanMs(meta.startedAtMs, meta.endedAtMs);
  if (!own.answered) {
    const connected = meta.status === 'completed' && metaMs !== undefined && metaMs > 0;
    return connected ? { kind: 'unanswered-here', meta, own } : undefined;
  }
  const ownDurationMs = spanMs(own.answeredAtMs, own.endedAtMs);
  if (metaMs === undefined || ownDurationMs === undefined) return undefined;
  return Math.abs(metaMs - ownDurationMs) > TOLERANCE_MS ? { kind: 'duration', meta, own, ownDurationMs } : undefined;
}

function spanMs(from: number | undefined, to: number | undefined): number | undefined {
  return from === undefined || to === undefined ? undefined : to - from;
}
