/** Runs demo scenarios and reports. */
import { type Component, ensureComponents, describeProgress } from '../components/index.js';
import { callLines, summaryLines } from './print.js';
import { emptyResult, faultsOf, userStreamFaults, type DemoResult } from './result.js';
import { openStage, type Stage } from './stage.js';
import { businessCalls } from './business-calls.js';
import { controlPlane } from './control-plane.js';
import type { ScenarioParts } from './scenario.js';
import { userCalls } from './user-calls.js';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

export const SCENARIOS = ['user-calls', 'business-calls', 'control-plane'] as const;
export type Scenario = (typeof SCENARIOS)[number];

const PARTS: Readonly<Record<Scenario, () => ScenarioParts>> = {
  'user-calls': () => userCalls,
  'business-calls': () => businessCalls,
  'control-plane': controlPlane,
};

export interface DemoOptions {
  /** undefined: all of them. */
  readonly only?: Scenario;
  readonly json: boolean;
  /** How this program is started, without its arguments. */
  readonly program: readonly [string, ...string[]];
  /** For people; with `json` everything but the last line goes to `progress`. */
  readonly out: (line: string) => void;
  readonly progress: (line: string) => void;
  /** Ends the demo early: everything is closed, and what there is is reported. */
  readonly signal: AbortSignal;
}

/** How long the gateway may take to forget a call that is over (RFC 3261: 32 s at worst, on UDP with a silent peer). */
const SETTLE_MS = 5000;
const MAX_LOG_LINES = 40;

/** @returns true when everything was as expected */
export async function runDemo(options: DemoOptions): Promise<boolean> {
  const result = emptyResult();
  const print = options.json ? options.progress : options.out;
  const started = performance.now();
  const faults: string[] = [];
  const left: DemoResult['leftBehind'][] = [];
  try {
    const { asterisk, rtpengine } = await components(options);
    for (const scenario of options.only === undefined ? SCENARIOS : [options.only]) {
      left.push(await playOnStage(options, PARTS[scenario](), { asterisk, rtpengine }, result, print));
      result.leftBehind = sumOf(left);
    }
    faults.push(...faultsOf(result));
    for (const call of result.calls) faults.push(...userStreamFaults(call));
  } catch (error) {
    faults.push(options.signal.aborted ? 'stopped' : error instanceof Error ? error.message : String(error));
  }
  for (const line of summaryLines(result, faults, (performance.now() - started) / 1000)) print(line);
  if (options.json) options.out(JSON.stringify(result));
  return faults.length === 0;
}

async function components({ progress, signal }: DemoOptions): Promise<{ asterisk: Component; rtpengine: Component }> {
  const found = await ensureComponents(['asterisk', 'rtpengine-26'], {
    progress: (step) => progress(describeProgress(step)),
    signal,
  });
  return { asterisk: found.asterisk, rtpengine: found['rtpengine-26'] };
}

async function playOnStage(
  options: DemoOptions,
  { play, ...scenario }: ScenarioParts,
  parts: { asterisk: Component; rtpengine: Component },
  result: DemoResult,
  print: (line: string) => void,
): Promise<DemoResult['leftBehind']> {
  options.progress('starting rtpengine, Asterisk, wa-trunk and the stand-in for Meta on loopback …');
  const stage = await openStage({ ...parts, ...scenario, program: options.program });
  try {
    options.signal.throwIfAborted();
    options.progress('placing calls …');
    const { calls, refusals = [], checks } = await unlessStopped(play(stage), options.signal);
    for (const call of calls) for (const line of callLines(call.result, call.ladder)) print(line);
    result.calls.push(...calls.map((call) => call.result));
    result.refusals.push(...refusals);
    result.checks.push(...checks);
    const left = await settle(stage);
    if (faultsOf({ ...result, leftBehind: left }).length > 0) await showGatewayLog(stage, options.progress);
    return left;
  } finally {
    await stage.close();
  }
}

/** Rejects as soon as the signal fires; what was under way then ends with the stage, and nobody waits for it. */
async function unlessStopped<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop: (() => void) | undefined;
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(new Error('stopped'));
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, stopped]);
  } finally {
    if (stop !== undefined) signal.removeEventListener('abort', stop);
    work.catch(() => undefined);
  }
}

/** What all stages left; null where one of them could not be asked. */
function sumOf(left: readonly DemoResult['leftBehind'][]): DemoResult['leftBehind'] {
  const sum = (key: keyof DemoResult['leftBehind']): number | null =>
    left.reduce<number | null>((total, one) => (total === null || one[key] === null ? null : total + one[key]), 0);
  return { rtpengineSessions: sum('rtpengineSessions'), dialogs: sum('dialogs') };
}

/** What the gateway itself said of the trouble. */
async function showGatewayLog(stage: Stage, progress: (line: string) => void): Promise<void> {
  const lines = (await readFile(stage.gatewayLog, 'utf8')).split('\n');
  const telling = lines.filter((line) => !/^\{"level":"(info|debug|trace)"/.test(line)).filter(Boolean);
  if (telling.length > 0) progress("── the gateway's own warnings");
  for (const line of telling.slice(-MAX_LOG_LINES)) progress(line);
}

async function settle(stage: Stage): Promise<DemoResult['leftBehind']> {
  const deadline = Date.now() + SETTLE_MS;
  for (;;) {
    const left = { rtpengineSessions: (await stage.rtpengine.sessions()).length, dialogs: await stage.dialogs() };
    if ((left.rtpengineSessions === 0 && left.dialogs === 0) || Date.now() > deadline) return left;
    await delay(100);
  }
}
