import type { NumberConfig } from '../config/types.js';
import type { SettingsView } from '../http/api-ports.js';
import type { Logger } from '../telemetry/log.js';
import type { Change, DriftReport } from '../whatsapp/settings/index.js';

/** What is known of the settings at Meta, for the log, the API and the metrics. */
export class DriftState implements DriftReport {
  readonly #views = new Map<string, SettingsView>();

  constructor(
    private readonly log: Pick<Logger, 'info' | 'warn'>,
    private readonly now: () => number = Date.now,
  ) {}

  of(number: NumberConfig): SettingsView {
    if (number.calling === undefined) return { state: 'unmanaged', drift: [] };
    return this.#views.get(number.number) ?? { state: 'unknown', drift: [] };
  }

  /** Differences by number; without those whose settings are not known. */
  get counts(): readonly { readonly number: string; readonly differences: number }[] {
    const known = [...this.#views].filter(([, { state }]) => state === 'same' || state === 'drifted');
    return known.map(([number, { drift }]) => ({ number, differences: drift.length }));
  }

  drift({ number }: NumberConfig, changes: readonly Change[]): void {
    const drift = changes.map((change) => ({
      path: change.path,
      ...('after' in change ? { wanted: JSON.stringify(change.after) } : {}),
      ...('before' in change ? { found: JSON.stringify(change.before) } : {}),
    }));
    this.#views.set(number, { state: 'drifted', checkedAtMs: this.now(), drift });
    this.log.warn({ number, drift }, 'the settings at Meta have drifted; see wa-trunk plan');
  }

  clean({ number }: NumberConfig): void {
    if (this.#views.get(number)?.state === 'drifted')
      this.log.info({ number }, 'the settings at Meta are as configured again');
    this.#views.set(number, { state: 'same', checkedAtMs: this.now(), drift: [] });
  }

  failed({ number }: NumberConfig, error: Error): void {
    this.log.warn({ number, error: error.message }, 'the settings at Meta cannot be read');
  }

  reconciled({ number }: NumberConfig, result: { readonly kind: string }): void {
    if (result.kind === 'stopped') this.log.warn({ number, result }, 'the settings at Meta could not be brought back');
    else this.log.info({ number }, 'the settings at Meta were brought back');
  }
}
