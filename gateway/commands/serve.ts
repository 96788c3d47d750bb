import { startGateway } from '../app.js';
import type { Gateway } from '../app.js';
import type { Config } from '../config/index.js';
import { createLog } from '../telemetry/log.js';
import type { Logger } from '../telemetry/log.js';
import { Metrics } from '../telemetry/metrics.js';
import { EXIT, parse } from './command.js';
import type { Command, Io, StopSignal } from './command.js';
import { CONFIG_HELP, CONFIG_OPTION, loadNamed } from './config-file.js';
import { packageVersion } from './package.js';

export const command: Command = {
  help: `Usage: wa-trunk serve [-c FILE]

Runs the gateway until it is told to stop. The log is JSON lines on stdout.

${CONFIG_HELP}

SIGTERM   no new calls; ends when the running ones have ended, or after gateway.drainTimeout
SIGINT    ends at once, running calls with it
SIGHUP    takes up renewed certificate files; calls go on
A second SIGTERM or SIGINT ends the process without waiting for anything, exit code 1.`,

  async run(args, io) {
    const { values } = parse(args, CONFIG_OPTION);
    const { config } = loadNamed(values.config, io);
    // drachtio-srf reads process.env for every header of every message, and the real one asks the operating system.
    process.env = { ...process.env };
    const log = createLog(config.logging.level);
    const stop = new StopRequest(io);
    try {
      const gateway = await startGateway(config, { log, metrics: metricsOf(config) });
      await stop.serve(gateway, log);
      return EXIT.good;
    } finally {
      stop.close();
    }
  },
};

function metricsOf(config: Config): Metrics {
  return new Metrics({
    numbers: config.numbers.map(({ number }) => number),
    trunks: config.trunks.map(({ name }) => name),
    version: packageVersion(),
  });
}

/** Listens for signals from before the start on, so that one that comes during the start is not lost. */
export class StopRequest {
  readonly #io: Io;
  readonly #off: () => void;
  #first: 'SIGINT' | 'SIGTERM' | undefined;
  #onFirst: (signal: 'SIGINT' | 'SIGTERM') => void = () => undefined;
  #onRenew: () => void = () => undefined;

  constructor(io: Io) {
    this.#io = io;
    this.#off = io.onSignal((signal) => this.#take(signal));
  }

  /** Resolves when the gateway is closed, by the first signal. */
  async serve(gateway: Gateway, log: Logger): Promise<void> {
    this.#onRenew = () => {
      gateway.renewCertificate().then(
        () => log.info('certificate files read again'),
        (err: unknown) => log.error({ err }, 'certificate files cannot be used, the old ones stay'),
      );
    };
    const signal = this.#first ?? (await new Promise<'SIGINT' | 'SIGTERM'>((resolve) => (this.#onFirst = resolve)));
    log.info({ signal, calls: gateway.activeCalls }, signal === 'SIGTERM' ? 'draining' : 'stopping');
    if (signal === 'SIGTERM') await gateway.drain();
    await gateway.close();
    log.info('stopped');
  }

  close(): void {
    this.#off();
  }

  #take(signal: StopSignal): void {
    if (signal === 'SIGHUP') {
      this.#onRenew();
    } else if (this.#first === undefined) {
      this.#first = signal;
      this.#onFirst(signal);
    } else {
      this.#io.exit(EXIT.failed);
    }
  }
}
