import type { NumberConfig } from '../../config/types.js';
import { GraphError } from '../graph/port.js';
import type { Graph } from '../graph/port.js';
import { applySettings, compareSettings } from './apply.js';
import type { Applied, SettingsTarget } from './apply.js';
import type { Change } from './diff.js';
import { wantedCalling } from './wanted.js';

export interface DriftDeps {
  readonly graph: Graph;
  /** Those without `calling` or `phoneNumberId` are left alone. */
  readonly numbers: readonly NumberConfig[];
  /** The app of the token, asked before each round; undefined: not known. Never rejects. */
  readonly appId: () => Promise<string | undefined>;
  /** Between two rounds, ms, give or take a fifth; 0: none by itself. */
  readonly intervalMs: number;
  readonly reconcile: boolean;
  /** In [0, 1). */
  readonly random?: () => number;
  /** Runs something later, @returns takes it back. Default: a timer. */
  readonly schedule?: (run: () => void, ms: number) => () => void;
  readonly report: DriftReport;
}

export interface DriftReport {
  drift(number: NumberConfig, changes: readonly Change[]): void;
  clean(number: NumberConfig): void;
  /** Meta could not be asked: nothing is known. */
  failed(number: NumberConfig, error: GraphError): void;
  /** Only with `reconcile`, after `drift`. */
  reconciled(number: NumberConfig, result: Applied): void;
}

/** Compares Meta's settings with the configuration again and again. Without `reconcile` it changes nothing. */
export class DriftWatch {
  readonly #deps: DriftDeps;
  #cancel: () => void = () => undefined;
  #round: Promise<void> | undefined;
  #closed = false;

  constructor(deps: DriftDeps) {
    this.#deps = deps;
  }

  /** The first round comes after a part of the interval: gateways that start together do not ask together. */
  start(): void {
    if (this.#deps.intervalMs > 0) this.#after(this.#deps.intervalMs * this.#random());
  }

  /** One round now; while one is under way it is that one. Never rejects. */
  check(): Promise<void> {
    this.#round ??= this.#checkAll().finally(() => (this.#round = undefined));
    return this.#round;
  }

  /** Idempotent; a round that is under way ends after its present number. */
  close(): void {
    this.#closed = true;
    this.#cancel();
  }

  async #checkAll(): Promise<void> {
    const appId = await this.#deps.appId();
    for (const number of this.#deps.numbers) {
      if (this.#closed) return;
      const { phoneNumberId, calling } = number;
      if (phoneNumberId === undefined || calling === undefined) continue;
      await this.#checkOne(number, { graph: this.#deps.graph, phoneNumberId, appId, wanted: wantedCalling(calling) });
    }
  }

  async #checkOne(number: NumberConfig, target: SettingsTarget): Promise<void> {
    const { report, reconcile } = this.#deps;
    try {
      const { changes } = await compareSettings(target);
      if (this.#closed) return;
      if (changes.length === 0) {
        report.clean(number);
        return;
      }
      report.drift(number, changes);
      if (reconcile) report.reconciled(number, await applySettings(target));
    } catch (error) {
      if (!(error instanceof GraphError)) throw error;
      if (!this.#closed) report.failed(number, error);
    }
  }

  #random(): number {
    return (this.#deps.random ?? Math.random)();
  }

  #after(ms: number): void {
    if (this.#closed) return;
    this.#cancel = (this.#deps.schedule ?? timer)(() => {
      void this.check().then(() => this.#after(this.#deps.intervalMs * (0.8 + 0.4 * this.#random())));
    }, ms);
  }
}

function timer(run: () => void, ms: number): () => void {
  const timeout = setTimeout(run, ms);
  return () => clearTimeout(timeout);
}
