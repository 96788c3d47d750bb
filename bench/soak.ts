/** npm run soak: a thousand calls in a row and fifty at once, a quarter of them in trouble, and what they leave behind. */
import { setTimeout as delay } from 'node:timers/promises';
import { chooseCores } from './cores.js';
import { numberOption, optionsOf, rtpengineOption, run } from './run.js';
import { gatewayCounts, type GatewayCounts, type LeftBehind, quiet } from './soak/left-behind.js';
import { CONGESTED, ordinary, type Play, TROUBLES, type World } from './soak/kinds.js';
import { type GatewaySide, startGatewaySide } from './sides/gateway.js';
import { listenForLinks } from './load/link.js';
import type { PbxPlan } from './load/pbx-call.js';
import { openStage } from './stage.js';

const USAGE = `Usage: npm run soak -- [--json] [--calls N] [--at-once N] [--rounds N] [--rtpengine 26|10]
  --json       the result as one JSON object, the last line of stdout
  --calls      calls in a row, default 1000; at least 300
  --at-once    calls at once, default 50
  --rounds     how often so many at once, default 4`;

const MAX_GROWTH = 0.05;
/** V8 compiles and drops code for thousands of calls on; in the heap that would pass for a leak, or hide one. */
const STEADY_CODE = ['--no-opt', '--no-sparkplug', '--no-flush-bytecode'];
const HUNDRED = 100;
const ORDINARY = 'answered';
/** For calls that the gateway refuses for congestion; those refusals are accounted for, too. */
const MAX_ATTEMPTS = 20;
const RETRY_MS = 250;

interface Heap {
  readonly secondHundredKb: number;
  readonly lastHundredKb: number;
  /** From the one to the other, 0.01 being one per cent. */
  readonly growth: number;
}

interface Result {
  readonly ok: boolean;
  readonly calls: { readonly inARow: number; readonly atOnce: number; readonly rounds: number; readonly total: number };
  /** How many calls of each kind went as they must. */
  readonly accounted: Readonly<Record<string, number>>;
  /** Those that did not: kind and what happened, with their number. */
  readonly unexpected: Readonly<Record<string, number>>;
  readonly gateway: GatewayCounts;
  readonly leftBehind: LeftBehind;
  readonly heap: Heap;
}

interface Options {
  readonly json: boolean;
  readonly calls: number;
  readonly atOnce: number;
  readonly rounds: number;
  readonly rtpengine: 'rtpengine-26' | 'rtpengine-10';
}

class Soak {
  readonly #accounted = new Map<string, number>();
  readonly #unexpected = new Map<string, number>();
  readonly #troubles: readonly (readonly [string, Play])[] = Object.entries(TROUBLES);
  #index = 0;
  #placed = 0;

  constructor(
    private readonly world: World,
    private readonly side: GatewaySide,
    private readonly progress: (line: string) => void,
  ) {}

  get summary(): string {
    const sum = (counts: ReadonlyMap<string, number>): number => [...counts.values()].reduce((a, b) => a + b, 0);
    return `${sum(this.#accounted)} as they must, ${sum(this.#unexpected)} not`;
  }

  async atOnce(count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, () => this.#next()));
  }

  /** One after the other. */
  async inARow(count: number): Promise<Heap> {
    let secondHundredKb = 0;
    for (let i = 1; i <= count; i++) {
      await this.#next();
      if (i % HUNDRED !== 0) continue;
      this.progress(`${i} calls in a row: ${this.summary}`);
      if (i !== 2 * HUNDRED) continue;
      await quiet(this.side);
      secondHundredKb = await this.side.heapKb();
      this.progress(`heap after the second hundred ${secondHundredKb} kB`);
    }
    await quiet(this.side);
    const lastHundredKb = await this.side.heapKb();
    this.progress(`heap after the last hundred ${lastHundredKb} kB`);
    const growth = Math.round((lastHundredKb / secondHundredKb - 1) * 1e4) / 1e4;
    return { secondHundredKb, lastHundredKb, growth };
  }

  async result(options: Options, heap: Heap): Promise<Result> {
    const leftBehind = await quiet(this.side);
    const gateway = await gatewayCounts(this.side);
    const all = gateway.started === gateway.ended && gateway.started + gateway.refused === this.#placed;
    const nothingLeft = Object.values(leftBehind).every((count) => count === 0);
    const { calls: inARow, atOnce, rounds } = options;
    return {
      ok: all && nothingLeft && this.#unexpected.size === 0 && Math.abs(heap.growth) <= MAX_GROWTH,
      calls: { inARow, atOnce, rounds, total: this.#placed },
      accounted: Object.fromEntries(this.#accounted),
      unexpected: Object.fromEntries(this.#unexpected),
      gateway,
      leftBehind,
      heap,
    };
  }

  /** The next call: every fourth one has the next trouble. */
  async #next(): Promise<void> {
    const index = this.#index++;
    const trouble = this.#troubles[(index >> 2) % this.#troubles.length];
    const [kind, play] = index % 4 === 3 && trouble !== undefined ? trouble : [ORDINARY, ordinary];
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      this.#placed += 1;
      const fault = await play(this.world, this.world.callers.nextNumber());
      if (fault === undefined) return add(this.#accounted, kind);
      if (fault !== CONGESTED || attempt === MAX_ATTEMPTS) return add(this.#unexpected, `${kind}: ${fault}`);
      add(this.#accounted, CONGESTED);
      await delay(RETRY_MS);
    }
  }
}

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function parse(args: readonly string[]): Options {
  const values = optionsOf(args, {
    json: { type: 'boolean', default: false },
    calls: { type: 'string', default: '1000' },
    'at-once': { type: 'string', default: '50' },
    rounds: { type: 'string', default: '4' },
    rtpengine: { type: 'string', default: '26' },
  });
  return {
    json: values.json,
    calls: numberOption('calls', values.calls, 300, 1_000_000),
    atOnce: numberOption('at-once', values['at-once'], 1, 500),
    rounds: numberOption('rounds', values.rounds, 0, 1000),
    rtpengine: rtpengineOption(values.rtpengine),
  };
}

function readable(result: Result): string {
  const list = (counts: Readonly<Record<string, number>>): string =>
    Object.entries(counts)
      .map(([what, count]) => `  ${String(count).padStart(5)}  ${what}`)
      .join('\n') || '      none';
  const { gateway, leftBehind, heap } = result;
  return [
    `${result.ok ? 'good' : 'NOT GOOD'}: ${result.calls.total} calls`,
    `as they must:\n${list(result.accounted)}`,
    `not as they must:\n${list(result.unexpected)}`,
    `the gateway counts ${gateway.started} started, ${gateway.ended} ended, ${gateway.refused} refused`,
    `left behind: ${Object.entries(leftBehind)
      .map(([what, count]) => `${count} ${what}`)
      .join(', ')}`,
    `heap ${heap.secondHundredKb} kB after the second hundred, ${heap.lastHundredKb} kB after the last`,
  ].join('\n');
}

await run(USAGE, async (args, { progress, out, own }) => {
  const options = parse(args);
  const cores = await chooseCores();
  const plans = new Map<string, PbxPlan>();
  const stage = own(await openStage({ planFor: (caller) => plans.get(caller) ?? 'answer', ringMs: 10 }));
  let deliver: World['callers']['receive'] = () => undefined;
  const edge = own(await listenForLinks(stage.issue('wa.meta.vc'), (message, link) => deliver(message, link)));
  const side = own(
    await startGatewaySide({
      ...stage.sideOptions,
      cpus: cores.both,
      maxCalls: 4 * options.atOnce,
      rtpengine: options.rtpengine,
      edgePort: edge.port,
      trunk: '    connectTimeout: 500ms',
      nodeArgs: STEADY_CODE,
    }),
  );
  const callers = stage.callers(side, { answerTimeoutMs: 4000 });
  own({ close: () => Promise.resolve(callers.close()) });
  deliver = callers.receive;
  const world: World = { callers, pbx: stage.pbx, plans, link: await callers.openLink(), holdMs: 20 };
  const soak = new Soak(world, side, progress);
  for (let round = 1; round <= options.rounds; round++) await soak.atOnce(options.atOnce);
  progress(`${options.rounds} × ${options.atOnce} calls at once: ${soak.summary}`);
  const heap = await soak.inARow(options.calls);
  const result = await soak.result(options, heap);
  out(options.json ? JSON.stringify(result) : readable(result));
  if (!result.ok) process.exitCode = 1;
});
