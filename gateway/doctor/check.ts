/** The frame of `wa-trunk doctor`: what a check is. */
import type { Config, Fault } from '../config/index.js';
import type { Graph } from '../whatsapp/graph/index.js';

export interface Finding {
  /** `skip`: there is nothing to check. */
  readonly result: 'ok' | 'warn' | 'fail' | 'skip';
  /** What was seen, one line. */
  readonly evidence: string;
  /** What to do, one line; with `warn` and `fail`. */
  readonly remedy?: string;
}

export interface Check {
  /** Of its kind: several hosts or numbers have a check of the same kind each. docs/reference/doctor.md explains it. */
  readonly id: CheckId;
  /** With the number, host or file it is about. */
  readonly title: string;
  /** What it throws is a `fail`; what takes too long as well. */
  run(context: Context): Promise<Finding>;
}

export const CHECK_IDS = [
  'config',
  'certificate',
  'store',
  'rtpengine',
  'pbx-host',
  'graph',
  'token',
  'number',
  'settings',
  'sip-password',
] as const;
export type CheckId = (typeof CHECK_IDS)[number];

export interface Context {
  readonly config: Config;
  /** As the operator named it. */
  readonly file: string;
  readonly warnings: readonly Fault[];
  /** Absent: the configuration has no token. */
  readonly meta?: { readonly graph: Graph; readonly token: () => Promise<string | undefined> };
  /** Epoch ms. */
  readonly now: () => number;
  /** Aborted when the check has taken too long. */
  readonly signal: AbortSignal;
}

export const NO_TOKEN: Finding = { result: 'skip', evidence: 'no graph.tokenFile: Meta cannot be asked' };
