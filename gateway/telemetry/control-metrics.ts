/** Metrics of the control plane: Graph API, webhooks, settings, health, callbacks. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** Figures that other parts know; each is asked at every scrape. */
export interface ControlFigures {
  /** Of numbers whose settings at Meta are known. */
  readonly drift: () => readonly { readonly number: string; readonly differences: number }[];
  /** Of numbers of which Meta has told. */
  readonly numbers: () => readonly { readonly number: string; readonly available: boolean }[];
  readonly concerns: () => readonly { readonly severity: 'fail' | 'warn' }[];
  /** Epoch ms by `token`, `certificate`; without those that do not expire or are not known. */
  readonly expiries: () => Readonly<Record<string, number>>;
  readonly callbacks: () => number;
  readonly recordsWaiting: () => number;
}

const GRAPH_SECONDS = [0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10];

export class ControlMetrics {
  readonly #registry: Registry;
  readonly #graph: Counter<'method' | 'path' | 'outcome'>;
  readonly #graphSeconds: Histogram<'path'>;
  readonly #requests: Counter<'result'>;
  readonly #events: Counter<'kind' | 'result'>;
  readonly #compared: Counter<'result'>;
  #queue = 0;

  constructor(
    registry: Registry,
    private readonly word: (value: string) => string,
  ) {
    this.#registry = registry;
    const registers = [registry];
    this.#graph = new Counter({
      ...{ name: 'wa_trunk_graph_requests_total', help: 'Requests to the Graph API, each try', registers },
      labelNames: ['method', 'path', 'outcome'],
    });
    this.#graphSeconds = new Histogram({
      ...{ name: 'wa_trunk_graph_request_seconds', help: 'How long the Graph API took', registers },
      labelNames: ['path'],
      buckets: GRAPH_SECONDS,
    });
    this.#requests = new Counter({
      ...{ name: 'wa_trunk_webhook_requests_total', help: 'Requests to the webhook endpoint', registers },
      labelNames: ['result'],
    });
    this.#events = new Counter({
      ...{ name: 'wa_trunk_webhook_events_total', help: 'Events of webhooks, by what became of them', registers },
      labelNames: ['kind', 'result'],
    });
    this.#compared = new Counter({
      ...{ name: 'wa_trunk_meta_calls_total', help: "Meta's account of calls against our own", registers },
      labelNames: ['result'],
    });
    this.#gauge('wa_trunk_webhook_events_waiting', 'Events of webhooks not done', [], (gauge) =>
      gauge.set(this.#queue),
    );
  }

  readonly graphRequest = (method: string, path: string, outcome: string, seconds: number): void => {
    this.#graph.inc({ method, path: this.word(path), outcome });
    this.#graphSeconds.observe({ path: this.word(path) }, seconds);
  };

  readonly webhookRequests = {
    verified: (): void => this.#requests.inc({ result: 'verified' }),
    accepted: (): void => this.#requests.inc({ result: 'accepted' }),
    refused: (reason: string): void => this.#requests.inc({ result: reason }),
  };

  readonly webhookInbox = {
    accepted: (kind: string): void => this.#events.inc({ kind, result: 'accepted' }),
    duplicate: (kind: string): void => this.#events.inc({ kind, result: 'duplicate' }),
    ignored: (): void => this.#events.inc({ kind: 'unknown', result: 'ignored' }),
    handled: (kind: string): void => this.#events.inc({ kind, result: 'handled' }),
    outdated: (kind: string): void => this.#events.inc({ kind, result: 'outdated' }),
    failed: (kind: string): void => this.#events.inc({ kind, result: 'failed' }),
    dropped: (kind: string): void => this.#events.inc({ kind, result: 'dropped' }),
    queue: (length: number): void => void (this.#queue = length),
  };

  callCompared(result: string): void {
    this.#compared.inc({ result });
  }

  observe(figures: ControlFigures): void {
    this.#gauge('wa_trunk_settings_differences', 'Settings at Meta that are not as configured', ['number'], (gauge) => {
      for (const { number, differences } of figures.drift()) gauge.set({ number }, differences);
    });
    this.#gauge('wa_trunk_number_available', '1: Meta says that SIP calls reach the number', ['number'], (gauge) => {
      for (const { number, available } of figures.numbers()) gauge.set({ number }, available ? 1 : 0);
    });
    this.#gauge('wa_trunk_health_concerns', 'What is wrong at Meta, see /readyz', ['severity'], (gauge) => {
      for (const severity of ['fail', 'warn'] as const)
        gauge.set({ severity }, figures.concerns().filter((one) => one.severity === severity).length);
    });
    this.#gauge('wa_trunk_expiry_timestamp_seconds', 'When it expires', ['what'], (gauge) => {
      for (const [what, ms] of Object.entries(figures.expiries())) gauge.set({ what }, ms / 1000);
    });
    this.#gauge('wa_trunk_callbacks_waiting', 'Users to be called back', [], (gauge) => gauge.set(figures.callbacks()));
    this.#gauge('wa_trunk_records_waiting', 'Call records not written yet', [], (gauge) =>
      gauge.set(figures.recordsWaiting()),
    );
  }

  /** `read` is called at each scrape. */
  #gauge<L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    read: (gauge: Gauge<L>) => void,
  ): void {
    new Gauge<L>({
      ...{ name, help, labelNames: [...labelNames], registers: [this.#registry] },
      collect() {
        this.reset();
        read(this);
      },
    });
  }
}
