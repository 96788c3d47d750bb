/** Meta refuses, in each of the ways it has: what the PBX should see of it, and what it saw. */
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { REFUSALS, type RefusalId } from '../../simulator/index.js';
import { type OutboundRoute, finalResponses, trunkOutcomes } from '../processes/index.js';
import type { Callees } from './callees.js';
import type { CheckResult, RefusalResult } from './result.js';
import type { Stage, StageNumber } from './stage.js';

/** As docs/reference/errors.md promises; `unknown` passes Meta's status, and the cause is that of the status. */
export const EXPECTED: Readonly<Record<RefusalId, { readonly sip: number; readonly q850: number }>> = {
  'no-permission': { sip: 403, q850: 21 },
  'daily-limit': { sip: 403, q850: 21 },
  country: { sip: 403, q850: 21 },
  app: { sip: 403, q850: 21 },
  hostname: { sip: 403, q850: 21 },
  payment: { sip: 403, q850: 21 },
  duplicate: { sip: 486, q850: 17 },
  'no-answer': { sip: 480, q850: 19 },
  declined: { sip: 603, q850: 21 },
  'rtp-timeout': { sip: 504, q850: 102 },
  'rate-limit': { sip: 503, q850: 34 },
  unavailable: { sip: 502, q850: 27 },
  unknown: { sip: 403, q850: 21 },
};

const ROUTE: OutboundRoute = { prefix: '930', number: '+15550100220', trunk: 'wa-trunk' };
export const REFUSAL_ROUTES = [ROUTE];
export const REFUSAL_NUMBERS: readonly StageNumber[] = [
  { number: ROUTE.number, keying: 'sdes', codecs: ['opus'], trunk: 'pbx' },
];

/** How long Asterisk may take to write down how a call ended. */
const LOG_LIMIT_MS = 5000;

export interface RefusalsPlayed {
  readonly refusals: readonly RefusalResult[];
  readonly checks: readonly CheckResult[];
}

export async function playRefusals(stage: Stage, callees: Callees): Promise<RefusalsPlayed> {
  await stage.asterisk.cli('pjsip set logger on');
  const users = new Map<string, RefusalId>();
  for (const code of Object.keys(REFUSALS) as RefusalId[]) {
    const user = callees.add({ kind: 'refuse', refusal: code });
    users.set(user, code);
    const { call } = await callees.originate(ROUTE, user, '607');
    await call.ended;
  }
  const log = await logWith(stage, [...users.keys()]);
  await stage.asterisk.cli('pjsip set logger off');
  const outcomes = new Map(trunkOutcomes(log).map((one) => [one.dialled, one]));
  const refusals = [...users].map(([user, code]) => {
    const got = outcomes.get(user);
    return {
      code,
      expected: { ...EXPECTED[code], code },
      got: { sip: got?.sip?.status ?? null, q850: got?.cause ?? null, code: codeIn(got?.sip?.phrase) },
    };
  });
  const headers = new Map(finalResponses(log).map((one) => [one.dialled, one.header('X-WA-Error')]));
  const wrong = [...users].filter(([user, code]) => headers.get(user) !== code);
  const check = {
    name: 'X-WA-Error of each refusal is its code',
    ok: wrong.length === 0,
    value:
      wrong.length === 0 ? `${users.size} of ${users.size}` : wrong.map(([user, code]) => [code, headers.get(user)]),
  };
  return { refusals, checks: [check] };
}

/** The code ends the reason phrase, in brackets. */
function codeIn(phrase: string | undefined): string | null {
  return /\(([\w-]+)\)\s*$/.exec(phrase ?? '')?.[1] ?? null;
}

/** Asterisk's log, once it says how each of these calls ended. */
async function logWith(stage: Stage, users: readonly string[]): Promise<string> {
  const deadline = performance.now() + LOG_LIMIT_MS;
  for (;;) {
    const log = await readFile(stage.asterisk.logFile, 'utf8');
    const told = new Set(trunkOutcomes(log).map(({ dialled }) => dialled));
    if (users.every((user) => told.has(user)) || performance.now() > deadline) return log;
    await delay(50);
  }
}
