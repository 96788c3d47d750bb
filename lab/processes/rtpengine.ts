import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Component } from '../components/index.js';
import { orUndo, programFolder, removeFolder } from './folder.js';
import { type NgDictionary, ngRequest } from './ng.js';
import { type PortBlock, reservePorts } from './ports.js';
import { type ExitStatus, supervise, type Supervised } from './supervisor.js';

export interface RtpengineOptions {
  readonly component: Component;
  /** rtpengine's `--interface` values; default one, 127.0.0.1. Loopback only. */
  readonly interfaces?: readonly string[];
  /** How many media ports; default 400 (a call between two RTP legs takes 8, with rtcp-mux fewer). */
  readonly mediaPorts?: number;
  /** A block from `reservePorts` to use instead of an own one: control ports first. The caller closes it. */
  readonly ports?: PortBlock;
  /** Further arguments, such as `--max-sessions=5`. */
  readonly args?: readonly string[];
  /** 0 to 7 as in syslog; default 6. */
  readonly logLevel?: number;
  /** CPUs in taskset's notation. */
  readonly cpus?: string;
}

/** A running rtpengine on loopback. */
export interface Rtpengine {
  /** UDP port of the ng protocol on 127.0.0.1. */
  readonly ngPort: number;
  /** TCP port of `/ping`, `/metrics` and `/ng` on 127.0.0.1. */
  readonly httpPort: number;
  readonly mediaPorts: { readonly min: number; readonly max: number };
  readonly logFile: string;
  readonly process: Supervised;
  /** Sends an ng request and returns the answer. */
  ng(request: NgDictionary): Promise<NgDictionary>;
  /** Call-ids of the sessions it has. */
  sessions(): Promise<string[]>;
  /** Ends it and leaves nothing behind. */
  close(): Promise<void>;
}

const CONTROL_PORTS = 10;
const READY_MS = 10_000;

/**
 * Starts rtpengine in user space on loopback. It is ready when it answers `ping`.
 * @throws Error with the end of its log when it ends or stays silent
 */
export async function startRtpengine(options: RtpengineOptions): Promise<Rtpengine> {
  const block = options.ports ?? (await reservePorts(CONTROL_PORTS + (options.mediaPorts ?? 400)));
  const releasePorts = async (): Promise<void> => {
    if (options.ports === undefined) await block.close();
  };
  const [ngPort, httpPort] = [block.min, block.min + 2];
  const mediaPorts = { min: block.min + CONTROL_PORTS, max: block.max };
  const folder = await programFolder('rtpengine');
  const logFile = join(folder, 'rtpengine.log');
  const { command, env } = options.component;
  const run = [...command, ...settings(options, ngPort, httpPort, mediaPorts)] as const;
  const child = await orUndo(
    () => supervise({ command: run, env, cwd: folder, folder, logFile, cpus: options.cpus }),
    async () => {
      await removeFolder(folder);
      await releasePorts();
    },
  );
  const ng = (request: NgDictionary): Promise<NgDictionary> => ngRequest(ngPort, request);
  const close = async (): Promise<void> => {
    await child.close();
    await releasePorts();
  };
  try {
    await ready(ngPort, child.exited, logFile);
  } catch (error) {
    await close();
    throw error;
  }
  const sessions = async (): Promise<string[]> => {
    const { calls } = await ng({ command: 'list', limit: 100_000 });
    return Array.isArray(calls) ? calls.map(String) : [];
  };
  return { ngPort, httpPort, mediaPorts, logFile, process: child, ng, sessions, close };
}

function settings(
  options: RtpengineOptions,
  ngPort: number,
  httpPort: number,
  media: { readonly min: number; readonly max: number },
): string[] {
  return [
    '--config-file=none', // otherwise it reads the system's own
    '--foreground',
    '--log-stderr',
    `--log-level=${options.logLevel ?? 6}`,
    '--table=-1', // no kernel module
    ...(options.interfaces ?? ['127.0.0.1']).map((one) => `--interface=${one}`),
    `--listen-ng=127.0.0.1:${ngPort}`,
    `--listen-http=127.0.0.1:${httpPort}`,
    `--port-min=${media.min}`,
    `--port-max=${media.max}`,
    '--dtls-cert-cipher=prime256v1', // 5 ms at start instead of RSA's 150
    '--delete-delay=0',
    ...(options.args ?? []),
  ];
}

async function ready(ngPort: number, exited: Promise<ExitStatus>, logFile: string): Promise<void> {
  const deadline = Date.now() + READY_MS;
  const end = exited.then((status) => ({ ended: status }));
  for (;;) {
    const ping = ngRequest(ngPort, { command: 'ping' }, 200).then(
      (answer) => answer.result === 'pong',
      () => false,
    );
    const outcome = await Promise.race([ping, end]);
    if (outcome === true) return;
    const over = typeof outcome === 'object' || Date.now() > deadline;
    if (!over) continue;
    const log = (await readFile(logFile, 'utf8').catch(() => '')).split('\n').slice(-8).join('\n');
    const what = typeof outcome === 'object' ? `ended with ${JSON.stringify(outcome.ended)}` : 'did not answer ping';
    throw new Error(`rtpengine ${what}; the end of its log:\n${log}`);
  }
}
