import { randomInt } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { type Held, tryLock } from '../components/lock.js';

/** Consecutive ports on 127.0.0.1, UDP and TCP, that no other holder on this machine has until `close()`. */
export interface PortBlock extends Held {
  readonly min: number;
  /** Inclusive. */
  readonly max: number;
}

const SLOT = 50; // ports that one lock stands for
const LOWEST = 10_000;

/**
 * Reserves consecutive ports, for programs that must be told their ports before they start. They lie below the
 * range from which the kernel hands out ephemeral ports, so nothing that binds to port 0 gets into them; holders
 * keep off each other by locks that end with their process.
 *
 * @param count how many; the first one is even
 * @throws Error when no such block is free
 */
export async function reservePorts(count: number): Promise<PortBlock> {
  const slots = Math.ceil(count / SLOT);
  const total = Math.floor((ephemeralFloor() - LOWEST) / SLOT) - slots + 1;
  const start = total > 0 ? randomInt(total) : 0;
  for (let i = 0; i < total; i++) {
    const first = (start + i) % total;
    const held = await lockSlots(first, slots);
    if (held === undefined) continue;
    const min = LOWEST + first * SLOT;
    const max = min + count - 1;
    if (await allFree(min, max)) return { min, max, close: () => closeAll(held) };
    await closeAll(held);
  }
  throw new Error(`no ${count} consecutive free ports between ${LOWEST} and ${ephemeralFloor()} on 127.0.0.1`);
}

async function lockSlots(first: number, slots: number): Promise<Held[] | undefined> {
  const held: Held[] = [];
  for (let slot = first; slot < first + slots; slot++) {
    const lock = await tryLock(`ports ${slot}`);
    if (lock === undefined) {
      await closeAll(held);
      return undefined;
    }
    held.push(lock);
  }
  return held;
}

async function closeAll(held: readonly Held[]): Promise<void> {
  await Promise.all(held.map((one) => one.close()));
}

function ephemeralFloor(): number {
  try {
    const floor = Number(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split(/\s/)[0]);
    return floor > LOWEST + SLOT ? Math.min(floor, 32_768) : 32_768;
  } catch {
    return 32_768;
  }
}

async function allFree(min: number, max: number): Promise<boolean> {
  const sockets: (Socket | Server)[] = [];
  try {
    for (let port = min; port <= max; port++) sockets.push(await bindUdp(port));
    // TCP is for control and SIP, which owners take from the block's start.
    for (let port = min; port <= Math.min(max, min + 9); port++) sockets.push(await bindTcp(port));
    return true;
  } catch {
    return false;
  } finally {
    await Promise.all(sockets.map(unbind));
  }
}

async function bindUdp(port: number): Promise<Socket> {
  const socket = createSocket('udp4');
  const listening = once(socket, 'listening');
  socket.bind({ port, address: '127.0.0.1', exclusive: true });
  try {
    await listening;
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

async function bindTcp(port: number): Promise<Server> {
  const server = createServer();
  server.listen({ port, host: '127.0.0.1', exclusive: true });
  await once(server, 'listening');
  return server;
}

async function unbind(socket: Socket | Server): Promise<void> {
  const closed = once(socket, 'close');
  socket.close();
  await closed;
}

/** Free UDP ports on 127.0.0.1, each a different one; free at the time of asking, and not reserved. */
export async function freeUdpPorts(count: number): Promise<number[]> {
  const sockets: Socket[] = [];
  try {
    for (let i = 0; i < count; i++) sockets.push(await bindUdp(0));
    return sockets.map((socket) => socket.address().port);
  } finally {
    await Promise.all(sockets.map(unbind));
  }
}
