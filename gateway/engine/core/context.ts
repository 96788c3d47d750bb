import type { AppConnection } from '../app/app-connection.js';
import type { Apps } from '../app/apps.js';
import type { Counters } from '../counters.js';
import type { Dialogs } from '../dialog/dialogs.js';
import type { Dialog } from '../dialog/dialog.js';
import type { Surroundings } from '../transaction/machine.js';
import type { TargetResolver } from '../transport/resolver.js';
import type { Transports } from '../transport/transports.js';
import type { EngineLog, EngineOptions, Limits, Timers } from '../types.js';

export type CallDialog = Dialog<AppConnection>;

/** What the two sides of the user agent share. */
export interface Context {
  readonly transports: Transports;
  readonly resolver: TargetResolver;
  readonly apps: Apps;
  readonly dialogs: Dialogs<AppConnection>;
  readonly counters: Counters;
  readonly timers: Timers;
  readonly limits: Limits;
  readonly env: Omit<Surroundings, 'reliable'>;
  readonly nextHop: EngineOptions['nextHop'];
  readonly log: EngineLog;
}
