import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Component } from '../components/index.js';
import { orUndo, programFolder, removeFolder } from './folder.js';
import { type PortBlock, reservePorts } from './ports.js';
import { supervise, type Supervised } from './supervisor.js';

export interface SippOptions {
  readonly component: Component;
  /** The scenario as XML text. */
  readonly scenario: string;
  /** `host:port` of the peer; none for a scenario that waits for calls. */
  readonly target?: string;
  /** The called user (`-s`). */
  readonly user?: string;
  /** How many calls; default 1. A scenario that waits for calls ends after so many. */
  readonly calls?: number;
  /** Calls a second, default 10. */
  readonly rate?: number;
  /** The whole run is ended after so long; default 30 s. */
  readonly timeoutMs?: number;
  /** sipp's name of the transport: u1 (default), t1, l1 … */
  readonly transport?: string;
  /** Further arguments. */
  readonly args?: readonly string[];
  /** Files that the scenario names, by name; they lie in its working folder. */
  readonly files?: Readonly<Record<string, string | Buffer>>;
  readonly cpus?: string;
}

export interface SippResult {
  /** All calls went as the scenario says. */
  readonly ok: boolean;
  readonly exitCode: number;
  readonly successful: number;
  readonly failed: number;
  /** Every SIP message, as sipp's `-trace_msg` writes them. */
  readonly messages: string;
  /** What was unexpected; empty when nothing was. */
  readonly errors: string;
}

/** A running sipp on loopback. */
export interface Sipp {
  /** Its SIP port on 127.0.0.1. */
  readonly port: number;
  readonly mediaPort: number;
  readonly process: Supervised;
  /** Settles when it has ended. */
  readonly result: Promise<SippResult>;
  close(): Promise<void>;
}

/** Starts sipp. It ends by itself; `close()` ends it earlier and removes its folder. */
export async function startSipp(options: SippOptions): Promise<Sipp> {
  const block = await reservePorts(50);
  const folder = await programFolder('sipp');
  const { command, env } = options.component;
  const prepare = async (): Promise<Supervised> => {
    const files = { ...options.files, 'scenario.xml': options.scenario };
    for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
    return supervise({
      command: [...command, ...settings(options, folder, block)],
      env: { ...env, TERM: 'dumb' },
      cwd: folder,
      folder,
      logFile: join(folder, 'screen.log'),
      cpus: options.cpus,
    });
  };
  const child = await orUndo(prepare, async () => {
    await removeFolder(folder);
    await block.close();
  });
  const result = child.exited.then(async (status): Promise<SippResult> => {
    const exitCode = status.kind === 'exit' ? status.code : 128 + status.signal;
    const text = (name: string): Promise<string> => readFile(join(folder, name), 'utf8').catch(() => '');
    const [messages, statistics, errors, screen] = await Promise.all(
      ['messages.log', 'statistics.csv', 'errors.log', 'screen.log'].map(text),
    );
    const ok = exitCode === 0;
    const errorText = errors !== '' || ok ? errors : screen;
    return {
      ok,
      exitCode,
      ...counts(statistics ?? ''),
      messages: messages ?? '',
      errors: errorText ?? '',
    };
  });
  const close = async (): Promise<void> => {
    await child.close();
    await result;
    await block.close();
  };
  return { port: block.min, mediaPort: block.min + 10, process: child, result, close };
}

function settings(options: SippOptions, folder: string, block: PortBlock): string[] {
  const file = (name: string): string => join(folder, name);
  return [
    ...(options.target === undefined ? [] : [options.target]),
    ...['-sf', file('scenario.xml'), '-i', '127.0.0.1', '-p', String(block.min), '-mi', '127.0.0.1'],
    ...['-mp', String(block.min + 10), '-min_rtp_port', String(block.min + 10), '-max_rtp_port', String(block.max)],
    ...['-t', options.transport ?? 'u1', '-m', String(options.calls ?? 1), '-r', String(options.rate ?? 10)],
    ...(options.user === undefined ? [] : ['-s', options.user]),
    ...['-timeout', `${Math.ceil((options.timeoutMs ?? 30_000) / 1000)}s`, '-timeout_error', '-nostdin'],
    ...['-trace_msg', '-message_file', file('messages.log'), '-trace_err', '-error_file', file('errors.log')],
    ...['-trace_stat', '-stf', file('statistics.csv'), '-fd', '1'],
    ...(options.args ?? []),
  ];
}

/** The last line of sipp's statistics; `(C)` columns are cumulative. */
function counts(statistics: string): { successful: number; failed: number } {
  const rows = statistics
    .trim()
    .split('\n')
    .map((line) => line.split(';'));
  const [header = [], last = []] = [rows[0], rows[rows.length - 1]];
  const value = (name: string): number => Number(last[header.indexOf(name)] ?? 0) || 0;
  return { successful: value('SuccessfulCall(C)'), failed: value('FailedCall(C)') };
}
