import { ControlMetrics } from './control-metrics.js';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** SIP and media work that an INVITE has to wait for: set-up. */
const SETUP_SECONDS = [0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
/** Ringing. */
const ANSWER_SECONDS = [0.1, 0.5, 1, 2, 5, 10, 20, 30, 45, 60, 120];
/** Conversations. */
const DURATION_SECONDS = [1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600];

/** Values of a label that come out of code catalogues; more than this would be an error there, and must not become a leak here. */
const MAX_WORDS = 64;
const OTHER = 'other';

export type Direction = 'user-initiated' | 'business-initiated';

export interface CallLabels {
  readonly direction: Direction;
  /** The configured business number. */
  readonly number: string;
  readonly trunk: string;
}

/** Seconds from the INVITE in; absent: it did not come to that. */
export interface CallTimes {
  /** To the INVITE at the PBX. */
  readonly dialled?: number;
  readonly answered?: number;
  readonly ended: number;
}

/** What the embedded SIP server counts; its own statistics fit. */
export interface EngineCounts {
  readonly transactions: { readonly client: number; readonly server: number };
  readonly dialogs: number;
  readonly connections: number;
  readonly retransmissions: { readonly requests: number; readonly responses: number };
  readonly drops: Readonly<Record<string, number>>;
}

/** Calls that count against a limit; names are configured ones. */
export interface LimitedCounts {
  readonly calls: readonly {
    readonly limit: string;
    /** Empty for the gateway's own. */
    readonly name: string;
    readonly calls: number;
    readonly max?: number;
    readonly hits: number;
  }[];
  readonly minutes: readonly {
    readonly number: string;
    readonly used: number;
    readonly max: number;
    readonly hits: number;
  }[];
}

/** A host of a trunk. Those that are registered name themselves, and so are only counted. */
export interface HostCounts {
  readonly trunk: string;
  readonly host: string;
  readonly up: boolean;
  readonly registered: boolean;
}

/** Figures that other parts know; each is asked at every scrape. */
export interface Figures {
  readonly calls: () => number;
  readonly mediaSessions: () => number;
  readonly sip: () => { readonly invites: number; readonly dialogs: number };
  readonly hosts: () => readonly HostCounts[];
  readonly mediaNodes: () => readonly { readonly name: string; readonly up: boolean }[];
  readonly limits: () => LimitedCounts;
  /** Undefined while another SIP server than the embedded one is used. */
  readonly engine: () => EngineCounts | undefined;
}

export interface MetricsOptions {
  /** The configured names: anything else is counted under `other`, so that no caller can make a label. */
  readonly numbers: readonly string[];
  readonly trunks: readonly string[];
  readonly version: string;
}

/** The metrics of one gateway, on a registry of its own. Methods say what happened; names and labels are decided here alone. */
export class Metrics {
  readonly control: ControlMetrics;
  readonly #registry = new Registry();
  readonly #numbers: ReadonlySet<string>;
  readonly #trunks: ReadonlySet<string>;
  readonly #word = boundedWords();
  readonly #started: Counter<keyof CallLabels>;
  readonly #ended: Counter<keyof CallLabels | 'result'>;
  readonly #refused: Counter<'reason'>;
  readonly #trouble: Counter<'direction' | 'number' | 'trunk' | 'from'>;
  readonly #digest: Counter<'side' | 'result'>;
  readonly #brakes: Counter<'side'>;
  readonly #setup: Histogram<'direction'>;
  readonly #answer: Histogram<'direction'>;
  readonly #duration: Histogram<'direction'>;

  constructor(options: MetricsOptions) {
    this.#numbers = new Set(options.numbers);
    this.#trunks = new Set(options.trunks);
    collectDefaultMetrics({ register: this.#registry });
    this.control = new ControlMetrics(this.#registry, this.#word);
    const info = this.#gauge('wa_trunk_info', '1, with the version', ['version'], () => undefined);
    info.set({ version: options.version }, 1);

    const labels = ['direction', 'number', 'trunk'] as const;
    this.#started = this.#counter('wa_trunk_calls_started_total', 'Calls begun', labels);
    this.#ended = this.#counter('wa_trunk_calls_total', 'Calls ended, by how', [...labels, 'result']);
    this.#refused = this.#counter('wa_trunk_calls_refused_total', 'INVITEs that never became a call', ['reason']);
    this.#trouble = this.#counter(
      'wa_trunk_media_silent_total',
      'Times that no audio came from a leg while the call lasted',
      [...labels, 'from'],
    );
    this.#digest = this.#counter('wa_trunk_digest_failures_total', 'Digest answers refused: wrong, or not looked at', [
      ...(['side', 'result'] as const),
    ]);
    this.#brakes = this.#counter('wa_trunk_digest_brakes_total', 'Times that an address guessed too often', ['side']);
    this.#setup = this.#histogram(
      'wa_trunk_call_setup_seconds',
      'From the INVITE in to the INVITE at the other side',
      SETUP_SECONDS,
    );
    this.#answer = this.#histogram('wa_trunk_call_answer_seconds', 'From the INVITE in to the answer', ANSWER_SECONDS);
    this.#duration = this.#histogram('wa_trunk_call_duration_seconds', 'From the answer to the end', DURATION_SECONDS);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** The exposition format, for GET /metrics. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  callStarted(call: CallLabels): void {
    this.#started.inc(this.#labels(call));
  }

  /** `result`: a word of the calls' own catalogue, such as `normal` or `no-answer`. */
  callEnded(call: CallLabels, result: string, times: CallTimes): void {
    const { direction } = call;
    this.#ended.inc({ ...this.#labels(call), result: this.#word(result) });
    if (times.dialled !== undefined) this.#setup.observe({ direction }, times.dialled);
    if (times.answered === undefined) return;
    this.#answer.observe({ direction }, times.answered);
    this.#duration.observe({ direction }, times.ended - times.answered);
  }

  /** No audio came from a leg for too long: `pbx` or `whatsapp`. */
  mediaTrouble(call: CallLabels, from: string): void {
    this.#trouble.inc({ ...this.#labels(call), from });
  }

  callRefused(reason: string): void {
    this.#refused.inc({ reason: this.#word(reason) });
  }

  /** A wrong password; `braked`: refused without a look, after too many of them. */
  digestFailed(side: 'pbx' | 'whatsapp', result: 'wrong' | 'braked'): void {
    this.#digest.inc({ side, result });
  }

  digestBrake(side: 'pbx' | 'whatsapp'): void {
    this.#brakes.inc({ side });
  }

  /** Called once, when the parts are there. */
  observe(figures: Figures): void {
    this.#observeSip(figures);
    this.#observeHosts(figures);
    this.#observeLimits(figures.limits);
  }

  #observeHosts({ hosts, mediaNodes }: Figures): void {
    this.#gauge('wa_trunk_pbx_host_up', '1 while a configured host of a trunk answers', ['trunk', 'host'], (gauge) => {
      gauge.reset();
      for (const { trunk, host, up, registered } of hosts()) if (!registered) gauge.set({ trunk, host }, up ? 1 : 0);
    });
    this.#gauge('wa_trunk_pbx_registrations', 'Contacts that are registered', ['trunk', 'state'], (gauge) => {
      gauge.reset();
      for (const trunk of this.#trunks) for (const state of ['up', 'down']) gauge.set({ trunk, state }, 0);
      for (const { trunk, up, registered } of hosts()) if (registered) gauge.inc({ trunk, state: up ? 'up' : 'down' });
    });
    this.#gauge('wa_trunk_rtpengine_up', '1 while a node answers', ['node'], (gauge) => {
      for (const { name, up } of mediaNodes()) gauge.set({ node: name }, up ? 1 : 0);
    });
  }

  #observeLimits(limits: Figures['limits']): void {
    const labels = ['limit', 'name'] as const;
    this.#gauge('wa_trunk_limit_calls', 'Calls now that count against a limit', labels, (gauge) => {
      for (const { limit, name, calls } of limits().calls) gauge.set({ limit, name }, calls);
    });
    this.#gauge('wa_trunk_limit_calls_max', 'Calls at once that a limit allows', labels, (gauge) => {
      for (const { limit, name, max } of limits().calls) if (max !== undefined) gauge.set({ limit, name }, max);
    });
    this.#gauge(
      'wa_trunk_daily_minutes',
      'Minutes of calls out today, of numbers with a limit',
      ['number'],
      (gauge) => {
        for (const { number, used } of limits().minutes) gauge.set({ number }, used);
      },
    );
    this.#gauge('wa_trunk_daily_minutes_max', 'Minutes of calls out that a day allows', ['number'], (gauge) => {
      for (const { number, max } of limits().minutes) gauge.set({ number }, max);
    });
    new Counter({
      name: 'wa_trunk_limit_hits_total',
      help: 'Times that a call met a limit, and was refused or went to another trunk',
      labelNames: [...labels],
      registers: [this.#registry],
      collect() {
        this.reset();
        const { calls, minutes } = limits();
        for (const { limit, name, hits } of calls) this.inc({ limit, name }, hits);
        for (const { number, hits } of minutes) this.inc({ limit: 'daily-minutes', name: number }, hits);
      },
    });
  }

  #observeSip({ calls, mediaSessions, sip, engine }: Figures): void {
    this.#gauge('wa_trunk_calls_active', 'Calls now', [], (gauge) => gauge.set(calls()));
    this.#gauge('wa_trunk_media_sessions', 'Media sessions open at rtpengine', [], (gauge) =>
      gauge.set(mediaSessions()),
    );
    this.#gauge('wa_trunk_sip_open', 'INVITEs and dialogs that the gateway has open', ['kind'], (gauge) => {
      const { invites, dialogs } = sip();
      gauge.set({ kind: 'invites' }, invites);
      gauge.set({ kind: 'dialogs' }, dialogs);
    });
    this.#gauge('wa_trunk_engine_open', 'Open at the embedded SIP server', ['kind'], (gauge) => {
      const counts = engine();
      if (counts === undefined) return;
      gauge.set({ kind: 'dialogs' }, counts.dialogs);
      gauge.set({ kind: 'transactions' }, counts.transactions.client + counts.transactions.server);
      gauge.set({ kind: 'connections' }, counts.connections);
    });
    this.#total('wa_trunk_engine_retransmissions_total', 'SIP messages sent again', 'kind', () => {
      const retransmissions = engine()?.retransmissions;
      return retransmissions === undefined ? {} : { ...retransmissions };
    });
    this.#total(
      'wa_trunk_engine_dropped_total',
      'SIP messages and connections dropped',
      'reason',
      () => engine()?.drops ?? {},
    );
  }

  #labels({ direction, number, trunk }: CallLabels): Record<keyof CallLabels, string> {
    return {
      direction,
      number: this.#numbers.has(number) ? number : OTHER,
      trunk: this.#trunks.has(trunk) ? trunk : OTHER,
    };
  }

  #counter<L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> {
    return new Counter({ name, help, labelNames: [...labelNames], registers: [this.#registry] });
  }

  #histogram(name: string, help: string, buckets: number[]): Histogram<'direction'> {
    return new Histogram({ name, help, buckets, labelNames: ['direction'], registers: [this.#registry] });
  }

  /** `read` is called at each scrape. */
  #gauge<L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    read: (gauge: Gauge<L>) => void,
  ): Gauge<L> {
    return new Gauge<L>({
      name,
      help,
      labelNames: [...labelNames],
      registers: [this.#registry],
      collect() {
        read(this);
      },
    });
  }

  /** A counter whose value somebody else counts. */
  #total<L extends string>(name: string, help: string, label: L, read: () => Readonly<Record<string, number>>): void {
    const word = this.#word;
    new Counter<string>({
      name,
      help,
      labelNames: [label],
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const [value, count] of Object.entries(read())) this.inc({ [label]: word(value) }, count);
      },
    });
  }
}

/** Lets through short words and at most {@link MAX_WORDS} of them. */
function boundedWords(): (value: string) => string {
  const seen = new Set<string>();
  return (value) => {
    if (seen.has(value)) return value;
    if (seen.size >= MAX_WORDS || !/^[a-z0-9][a-z0-9-]{0,39}$/.test(value)) return OTHER;
    seen.add(value);
    return value;
  };
}
