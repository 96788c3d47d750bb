/** Runs demo scenarios and reports. */
import { type Component, ensureComponents, describeProgress } from '../components/index.js';
import { callLines, summaryLines } from './print.js';
import { emptyResult, faultsOf, userStreamFaults, type DemoResult } from './result.js';
import { openStage, type Stage } from './stage.js';
import { DTLS_LATE_START_MS, NUMBERS, playUserCalls, SDES_START_MS, TRUNKS, type PlayedCall } from './user-calls.js';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

export const SCENARIOS = ['user-calls'] as const;
export type Scenario = (typeof SCENARIOS)[number];

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
  try {
    const { asterisk, rtpengine } = await components(options);
    await playOnStage(options, { asterisk, rtpengine }, result, print);
    faults.push(...faultsOf(result));
    for (const call of result.calls)
      faults.push(...userStreamFaults(call, call.keying === 'sdes' ? SDES_START_MS : DTLS_LATE_START_MS));
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
  parts: { asterisk: Component; rtpengine: Component },
  result: DemoResult,
  print: (line: string) => void,
): Promise<void> {
  options.progress('starting rtpengine, Asterisk, wa-trunk and the stand-in for Meta on loopback …');
  const stage = await openStage({ ...parts, program: options.program, numbers: NUMBERS, trunks: TRUNKS });
  try {
    options.signal.throwIfAborted();
    options.progress('placing calls …');
    const { calls, checks } = await unlessStopped(playUserCalls(stage), options.signal);
    for (const { result: call, ladder } of calls) show({ result: call, ladder }, print);
    result.calls.push(...calls.map((call) => call.result));
    result.checks.push(...checks);
    result.leftBehind = await settle(stage);
    if (faultsOf(result).length > 0) await showGatewayLog(stage, options.progress);
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

function show({ result, ladder }: PlayedCall, print: (line: string) => void): void {
  for (const line of callLines(result, ladder)) print(line);
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
