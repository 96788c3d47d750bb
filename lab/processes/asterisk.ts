import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Component } from '../components/index.js';
import { asteriskFolders, type OutboundRoute, type Registration, writeAsteriskConfig } from './asterisk-config.js';
import { type AsteriskCall, awaitCall, readCalls, type ReceivedDigit, receivedDigits } from './asterisk-results.js';
import { orUndo, programFolder, removeFolder } from './folder.js';
import { reservePorts } from './ports.js';
import { type ExitStatus, supervise, type Supervised } from './supervisor.js';

export interface AsteriskOptions {
  readonly component: Component;
  /** `host:port` of the gateway's PBX side; default 127.0.0.1:5080. Nothing needs to listen there yet. */
  readonly trunk?: string;
  /** Further ways for phones to dial out; without any there is that of extensions-calls.conf. */
  readonly outbound?: readonly OutboundRoute[];
  /** Registers at the gateway (asterisk/pjsip-register.conf); without it does not. */
  readonly registration?: Registration;
  /** How many RTP ports; default 400, two a call. */
  readonly rtpPorts?: number;
  /** CPUs in taskset's notation. */
  readonly cpus?: string;
}

/** A running Asterisk with the dial-plan of asterisk/extensions.conf, on loopback. */
export interface Asterisk {
  /** UDP ports on 127.0.0.1: the PBX that takes Opus and G.711, the one with PCMA only, the one with Opus only. */
  readonly sipPort: number;
  readonly pcmaSipPort: number;
  readonly opusSipPort: number;
  /** The one that passes hold to the gateway and has session timers (asterisk/pjsip-hold.conf). */
  readonly holdSipPort: number;
  /** The full log: verbose and keys. */
  readonly logFile: string;
  /** Where recordings and result files are, until `close()`. */
  readonly resultsFolder: string;
  readonly process: Supervised;
  /** Runs a command of Asterisk's console and returns what it prints. */
  cli(command: string): Promise<string>;
  /** All calls so far. */
  calls(): Promise<AsteriskCall[]>;
  /** Waits for a call with this; default 20 s. */
  awaitCall(condition: (call: AsteriskCall) => boolean, timeoutMs?: number): Promise<AsteriskCall>;
  /** Keys that a channel received so far, with their durations. */
  receivedDigits(channel: string): Promise<ReceivedDigit[]>;
  /** Ends it and leaves nothing behind, recordings included. */
  close(): Promise<void>;
}

type Five = [number, number, number, number, number];

const SIP_PORTS = 10;
const READY_MS = 20_000;

/**
 * Starts Asterisk in a temporary folder. It is ready when it is fully booted.
 * @throws Error with the end of its log when it ends or does not boot
 */
export async function startAsterisk(options: AsteriskOptions): Promise<Asterisk> {
  const block = await reservePorts(SIP_PORTS + (options.rtpPorts ?? 400));
  const [sipPort, pcmaSipPort, opusSipPort, holdSipPort, branchSipPort] = [0, 2, 4, 6, 8].map(
    (n) => block.min + n,
  ) as Five;
  const folder = await programFolder('asterisk');
  const { etc, log, results } = asteriskFolders(folder);
  const configFile = join(etc, 'asterisk.conf');
  const logFile = join(log, 'full');
  const consoleFile = join(folder, 'console.log');
  const { command, env } = options.component;
  const prepare = async (): Promise<Supervised> => {
    await writeAsteriskConfig(options.component, folder, {
      sipPort,
      pcmaSipPort,
      opusSipPort,
      holdSipPort,
      branchSipPort,
      registration: options.registration,
      rtpPorts: { min: block.min + SIP_PORTS, max: block.max },
      trunk: options.trunk ?? '127.0.0.1:5080',
      outbound: options.outbound ?? [],
    });
    const run = [...command, '-f', '-C', configFile] as const;
    return supervise({ command: run, env, cwd: folder, folder, logFile: consoleFile, cpus: options.cpus });
  };
  const child = await orUndo(prepare, async () => {
    await removeFolder(folder);
    await block.close();
  });
  const cli = async (text: string): Promise<string> => {
    const [program, ...args] = [...command, '-C', configFile, '-rx', text];
    const { stdout } = await promisify(execFile)(program ?? '', args, { env: { ...process.env, ...env } });
    return stdout;
  };
  const close = async (): Promise<void> => {
    await child.close();
    await block.close();
  };
  try {
    await fullyBooted(cli, child.exited);
    await allLoaded(logFile);
  } catch (cause) {
    const ends = await Promise.all([tail(consoleFile), tail(logFile)]);
    await close();
    throw new Error(`Asterisk does not boot; the end of its logs:\n${ends.join('\n')}`, { cause });
  }
  return {
    ...{ sipPort, pcmaSipPort, opusSipPort, holdSipPort, logFile, resultsFolder: results, process: child, cli, close },
    calls: () => readCalls(results),
    awaitCall: (condition, timeoutMs = 20_000) => awaitCall(results, condition, timeoutMs),
    receivedDigits: async (channel) => receivedDigits(await readFile(logFile, 'utf8'), channel),
  };
}

/** The console's socket takes some time to appear; from then on the command itself waits. */
async function fullyBooted(cli: (command: string) => Promise<string>, exited: Promise<ExitStatus>): Promise<void> {
  const deadline = Date.now() + READY_MS;
  let ended: ExitStatus | undefined;
  void exited.then((status) => (ended = status));
  for (;;) {
    const answer = await cli('core waitfullybooted').catch(() => '');
    if (answer.includes('fully booted')) return;
    if (ended !== undefined) throw new Error(`it ended with ${JSON.stringify(ended)}`);
    if (Date.now() > deadline) throw new Error(`not fully booted after ${READY_MS / 1000} s`);
    await delay(50);
  }
}

/** Asterisk boots without a module that failed. We want all of them. */
async function allLoaded(logFile: string): Promise<void> {
  const log = await readFile(logFile, 'utf8');
  const failed = log.split('\n').filter((line) => /loader\.c: .*(declined|Failed|Error loading)/.test(line));
  if (failed.length > 0) throw new Error(failed.join('; '));
}

async function tail(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-15).join('\n');
}
