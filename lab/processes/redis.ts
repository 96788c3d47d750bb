import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Component } from '../components/index.js';
import { orUndo, programFolder, removeFolder } from './folder.js';
import { type PortBlock, reservePorts } from './ports.js';
import { type ExitStatus, supervise, type Supervised } from './supervisor.js';

export interface RedisOptions {
  readonly component: Component;
  /** Absent: anybody on this machine may use it. */
  readonly password?: string;
  /** A block from `reservePorts` to use instead of an own one. The caller closes it. */
  readonly ports?: PortBlock;
}

/** A running Redis on loopback, with nothing on disk. */
export interface Redis {
  readonly port: number;
  readonly url: string;
  readonly process: Supervised;
  /** Ends it and leaves nothing behind. */
  close(): Promise<void>;
}

const READY_MS = 10_000;

/**
 * Starts redis-server on loopback. It is ready when it takes connections.
 * @throws Error with the end of its log when it ends or stays silent
 */
export async function startRedis(options: RedisOptions): Promise<Redis> {
  const block = options.ports ?? (await reservePorts(1));
  const releasePorts = async (): Promise<void> => {
    if (options.ports === undefined) await block.close();
  };
  const port = block.min;
  const folder = await programFolder('redis');
  const logFile = join(folder, 'redis.log');
  const { command, env } = options.component;
  const settings = ['--bind', '127.0.0.1', '--port', String(port), '--save', '', '--appendonly', 'no', '--dir', folder];
  const password = options.password === undefined ? [] : ['--requirepass', options.password];
  const child = await orUndo(
    () => supervise({ command: [...command, ...settings, ...password], env, cwd: folder, folder, logFile }),
    async () => {
      await removeFolder(folder);
      await releasePorts();
    },
  );
  const close = async (): Promise<void> => {
    await child.close();
    await releasePorts();
  };
  try {
    await ready(port, child.exited, logFile);
  } catch (error) {
    await close();
    throw error;
  }
  return { port, url: `redis://127.0.0.1:${port}`, process: child, close };
}

async function ready(port: number, exited: Promise<ExitStatus>, logFile: string): Promise<void> {
  const deadline = Date.now() + READY_MS;
  let ended: ExitStatus | undefined;
  void exited.then((status) => (ended = status));
  while (!(await takesConnections(port))) {
    if (ended === undefined && Date.now() < deadline) {
      await delay(20);
      continue;
    }
    const log = (await readFile(logFile, 'utf8').catch(() => '')).split('\n').slice(-8).join('\n');
    const what = ended === undefined ? 'takes no connections' : `ended with ${JSON.stringify(ended)}`;
    throw new Error(`redis-server ${what}; the end of its log:\n${log}`);
  }
}

async function takesConnections(port: number): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1' });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
