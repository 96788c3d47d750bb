/** npm run agents: calls that talk for minutes, Opus from WhatsApp and PCMA at the PBX, and what they cost and suffer. */
import { setTimeout as delay } from 'node:timers/promises';
import { SrtpContext } from '../simulator/media/srtp.js';
import { SoundLoops } from '../simulator/media/sound-loops.js';
import { cannedOffer } from '../simulator/sip/media-less.js';
import { chooseCores } from './cores.js';
import type { CallerCall } from './load/caller-call.js';
import type { Callers } from './load/callers.js';
import type { Link } from './load/link.js';
import { Talker, TalkersClock } from './load/talkers.js';
import type { ReceivedStream } from './load/received-stream.js';
import { numberOption, optionsOf, rtpengineOption, run } from './run.js';
import { startGatewaySide } from './sides/gateway.js';
import { openStage } from './stage.js';
import { coreLoadOfParts, percentiles, rounded, type Percentiles } from './usage.js';

const USAGE = `Usage: npm run agents -- [--json] [--calls N] [--seconds N] [--rtpengine 26|10]
  --json       the result as one JSON object, the last line of stdout
  --calls      calls that talk at once, default 200
  --seconds    how long they talk, default 600
  --rtpengine  which rtpengine the gateway uses, default 26`;

/** So many calls a second, until all are there. */
const RAMP_RATE = 10;
const WARM_UP_MS = 5000;
const PROGRESS_MS = 60_000;
const OPUS_CLOCK = 48_000;
const PCMA_CLOCK = 8000;

interface Heard {
  readonly ssrcs: number;
  /** Fraction of all packets. */
  readonly loss: number;
  readonly jitterMs: Percentiles;
  /** Of each call's largest gap. */
  readonly largestGapMs: Percentiles & { readonly max: number };
}

interface Result {
  readonly calls: number;
  readonly seconds: number;
  /** Still up at the end. */
  readonly held: number;
  /** Per cent of one core. */
  readonly cpuPercent: Readonly<Record<string, number>>;
  readonly atUser: Heard;
  readonly atPbx: Heard;
  /** What measures: per cent of one core, and its own worst lateness, which shows in the gaps. */
  readonly generator: { readonly cpuPercent: number; readonly worstLatenessMs: number };
}

interface Pair {
  readonly call: CallerCall;
  readonly user: Talker;
  readonly agent: Talker;
}

await run(USAGE, async (args, { progress, out, own }) => {
  const options = optionsOf(args, {
    json: { type: 'boolean', default: false },
    calls: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '600' },
    rtpengine: { type: 'string', default: '26' },
  });
  const calls = numberOption('calls', options.calls, 1, 1000);
  const seconds = numberOption('seconds', options.seconds, 5, 3600);
  const agents = new Map<string, Talker>();
  const stage = own(
    await openStage({
      rtpPort: (caller, offer) => {
        const agent = agents.get(caller);
        agent?.speakTo(portOf(offer));
        return agent?.port ?? 9;
      },
    }),
  );
  const { both } = await chooseCores();
  const side = own(
    await startGatewaySide({
      ...stage.sideOptions,
      cpus: both,
      maxCalls: calls + 10,
      rtpengine: rtpengineOption(options.rtpengine),
    }),
  );
  const callers = stage.callers(side, { answerTimeoutMs: 8000, byeTimeoutMs: 8000 });
  own({ close: () => Promise.resolve(callers.close()) });
  const clock = new TalkersClock();
  own({ close: () => Promise.resolve(clock.close()) });
  const link = await callers.openLink();
  const talkers: Talker[] = [];
  own({ close: () => Promise.resolve(talkers.forEach((talker) => talker.close())) });
  const pairs = await rampUp(calls, { callers, link, agents, clock, talkers });
  progress(`${pairs.length} calls talk`);
  await delay(WARM_UP_MS);
  const load = coreLoadOfParts(side);
  const own0 = process.cpuUsage();
  const start = performance.now();
  const streams = pairs.flatMap(({ user, agent }) => [user.heard, agent.heard]);
  for (const stream of streams) stream.forget();
  clock.worstLatenessMs = 0;
  for (let left = seconds * 1000; left > 0; left -= PROGRESS_MS) {
    await delay(Math.min(left, PROGRESS_MS));
    progress(`${Math.round((performance.now() - start) / 1000)} s: ${text(load())} % of a core`);
  }
  const cpuPercent = load();
  const used = process.cpuUsage(own0);
  const generator = {
    cpuPercent: rounded((used.user + used.system) / 10 / (performance.now() - start)),
    worstLatenessMs: rounded(clock.worstLatenessMs),
  };
  const held = callers.active;
  const result: Result = {
    calls: pairs.length,
    seconds,
    held,
    cpuPercent,
    atUser: heard(pairs.map(({ user }) => user.heard)),
    atPbx: heard(pairs.map(({ agent }) => agent.heard)),
    generator,
  };
  for (const { call } of pairs) call.bye();
  await Promise.all(pairs.map(({ call }) => call.ended));
  out(options.json ? JSON.stringify(result) : JSON.stringify(result, undefined, 2));
  if (held < calls) throw new Error(`${held} of ${calls} calls were held to the end`);
});

interface World {
  readonly callers: Callers;
  readonly link: Link;
  readonly agents: Map<string, Talker>;
  readonly clock: TalkersClock;
  /** For their owner, who closes them. */
  readonly talkers: Talker[];
}

async function rampUp(calls: number, world: World): Promise<Pair[]> {
  const sounds = new SoundLoops();
  const placed: Promise<Pair | undefined>[] = [];
  for (let i = 0; i < calls; i++) {
    placed.push(place(world, sounds));
    await delay(1000 / RAMP_RATE);
  }
  return (await Promise.all(placed)).filter((pair) => pair !== undefined);
}

/** Speech both ways, in the shape of speech: its pauses cost the encoder as much as its syllables. */
async function place({ callers, link, agents, clock, talkers }: World, sounds: SoundLoops): Promise<Pair | undefined> {
  const number = callers.nextNumber();
  const offerOn = (port: number): string => cannedOffer({ keying: 'sdes', port });
  const srtp = new SrtpContext(keyOf(offerOn(9)), 'AES_CM_128_HMAC_SHA1_80');
  const user = await Talker.open(
    {
      payloadType: 111,
      loop: sounds.loop({ kind: 'speech' }, 'opus'),
      clock: OPUS_CLOCK,
      protect: (packet) => srtp.protect(packet),
    },
    OPUS_CLOCK,
  );
  const agent = await Talker.open(
    { payloadType: 8, loop: sounds.loop({ kind: 'speech' }, 'PCMA'), clock: PCMA_CLOCK },
    PCMA_CLOCK,
  );
  talkers.push(user, agent);
  agents.set(number, agent);
  const call = callers.place(link, number, { offer: offerOn(user.port) });
  const final = await call.final;
  if (final.kind !== 'answered') return undefined;
  user.speakTo(portOf(final.sdp));
  clock.add(user, agent);
  return { call, user, agent };
}

function portOf(sdp: string): number {
  return Number(/^m=audio (\d+)/m.exec(sdp)?.[1] ?? 0);
}

function keyOf(sdp: string): Buffer {
  return Buffer.from(/inline:([^\s|]+)/.exec(sdp)?.[1] ?? '', 'base64');
}

function heard(streams: readonly ReceivedStream[]): Heard {
  const sum = (of: (stream: ReceivedStream) => number): number => streams.reduce((n, stream) => n + of(stream), 0);
  const gaps = streams.map((stream) => stream.largestGapMs);
  return {
    ssrcs: Math.max(...streams.map((stream) => stream.ssrcs)),
    loss: Number(
      (
        sum((s) => s.loss.lost) /
        Math.max(
          1,
          sum((s) => s.loss.expected),
        )
      ).toFixed(6),
    ),
    jitterMs: percentiles(streams.map((stream) => stream.jitterMs)),
    largestGapMs: { ...percentiles(gaps), max: rounded(Math.max(...gaps)) },
  };
}

function text(load: Readonly<Record<string, number>>): string {
  const parts = Object.entries(load).map(([name, percent]) => `${name} ${Math.round(percent)}`);
  return parts.join(', ');
}
