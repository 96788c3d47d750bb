/** How far Meta is, and what time it is there. */
import { request } from 'undici';
import type { Dispatcher } from 'undici';

export interface TimeToMeta {
  /** Of one request on a connection that stands, ms. */
  readonly latencyMs: number;
  /** Our clock less Meta's, ms, give or take half a second and half of the latency; absent: Meta told no time. */
  readonly clockAheadMs?: number;
}

export interface TimeOptions {
  /** As graph.url. */
  readonly url: string;
  readonly dispatcher: Dispatcher;
  /** Both requests together. */
  readonly timeoutMs: number;
  /** Epoch ms; default Date.now. */
  readonly now?: () => number;
}

/** Two requests without a token: what Meta answers does not matter. Rejects when it does not answer. */
export async function timeToMeta({ url, dispatcher, timeoutMs, now = Date.now }: TimeOptions): Promise<TimeToMeta> {
  const signal = AbortSignal.timeout(timeoutMs);
  await ask(url, dispatcher, signal);
  const [begunMs, begun] = [now(), performance.now()];
  const date = await ask(url, dispatcher, signal);
  const latencyMs = performance.now() - begun;
  // A Date is cut to the second.
  const theirMs = date === undefined ? NaN : Date.parse(date) + 500;
  const known = Number.isNaN(theirMs) ? {} : { clockAheadMs: Math.round(begunMs + latencyMs / 2 - theirMs) };
  return { latencyMs: Math.round(latencyMs), ...known };
}

async function ask(url: string, dispatcher: Dispatcher, signal: AbortSignal): Promise<string | undefined> {
  const { headers, body } = await request(`${url}/`, { method: 'GET', dispatcher, signal });
  await body.dump();
  const { date } = headers;
  return typeof date === 'string' ? date : undefined;
}
