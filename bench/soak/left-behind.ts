import { setTimeout as delay } from 'node:timers/promises';
import type { GatewaySide } from '../sides/gateway.js';

/** What is still open after the last call: all 0 when nothing leaks. */
export interface LeftBehind {
  readonly rtpengineSessions: number;
  readonly dialogs: number;
  readonly invites: number;
  readonly calls: number;
  readonly mediaSessions: number;
  readonly transactions: number;
}

/** How the gateway itself counts its calls. */
export interface GatewayCounts {
  readonly started: number;
  readonly ended: number;
  readonly refused: number;
}

/** Transactions of RFC 3261 live on for 64*T1 at most, and an unanswered BYE is given up after as much. */
const LINGER_MS = 75_000;
const LOOK_EVERY_MS = 500;

/** Waits until nothing is left, at most as long as SIP's timers can run; returns what is left then. */
export async function quiet(side: GatewaySide): Promise<LeftBehind> {
  const deadline = Date.now() + LINGER_MS;
  for (;;) {
    const left = await leftBehind(side);
    const nothing = Object.values(left).every((count) => count === 0);
    if (nothing || Date.now() > deadline) return left;
    await delay(LOOK_EVERY_MS);
  }
}

async function leftBehind(side: GatewaySide): Promise<LeftBehind> {
  const [text, sessions] = await Promise.all([side.metrics(), side.rtpengine.sessions()]);
  return {
    rtpengineSessions: sessions.length,
    dialogs: Math.max(total(text, 'wa_trunk_sip_open', 'dialogs'), total(text, 'wa_trunk_engine_open', 'dialogs')),
    invites: total(text, 'wa_trunk_sip_open', 'invites'),
    calls: total(text, 'wa_trunk_calls_active'),
    mediaSessions: total(text, 'wa_trunk_media_sessions'),
    transactions: total(text, 'wa_trunk_engine_open', 'transactions'),
  };
}

export async function gatewayCounts(side: GatewaySide): Promise<GatewayCounts> {
  const text = await side.metrics();
  return {
    started: total(text, 'wa_trunk_calls_started_total'),
    ended: total(text, 'wa_trunk_calls_total'),
    refused: total(text, 'wa_trunk_calls_refused_total'),
  };
}

/** Sum over the samples of a metric in the exposition format; `label`: only those with this label value. */
function total(text: string, metric: string, label?: string): number {
  const lines = text.split('\n').filter((line) => /^\w+/.exec(line)?.[0] === metric);
  if (lines.length === 0 && !text.includes(`# TYPE ${metric} `)) throw new Error(`the gateway has no metric ${metric}`);
  return lines
    .filter((line) => label === undefined || line.includes(`"${label}"`))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}
