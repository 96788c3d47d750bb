import type { Logger } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';

/** What every part of the gateway is built with. */
export interface GatewayDeps {
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** What is to be closed in the end, in reverse order. */
export type Closers = (() => Promise<void> | void)[];
