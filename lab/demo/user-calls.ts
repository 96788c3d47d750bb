/** Scenario `user-calls`: WhatsApp users call; six ways of media, then what goes wrong in daily life. */
import { setTimeout as delay } from 'node:timers/promises';
import { createMediaPeer } from '../../simulator/media/index.js';
import { rounded } from './measure.js';
import { MEDIA_PAIRS, openUser, playPairs, type MediaPair, type Placed } from './media-pairs.js';
import { DTLS_LATE_START_MS, type CheckResult, type Played } from './result.js';
import type { ScenarioParts } from './scenario.js';
import { PASSWORD, type Stage, type StageNumber, type StageTrunk } from './stage.js';

const DTLS_START_MS = 250;
const USER = '+12195550714';

const planNumber = (index: number): string => `+1555010000${index}`;
const EXTRA = {
  ringing: { number: '+15550100010', extension: '608', trunk: 'pcma' },
  busy: { number: '+15550100011', extension: '640', trunk: 'pcma' },
  dtls: { number: '+15550100013', extension: '607', trunk: 'pcma', keying: 'dtls' },
  failOver: { number: '+15550100012', extension: '607', trunk: 'second-host' },
} as const;

const TRUNKS: readonly StageTrunk[] = [
  { name: 'pcma', codecs: ['PCMA'], hosts: ['pcma'] },
  { name: 'opus', codecs: ['opus'], hosts: ['opus'] },
  { name: 'second-host', codecs: ['PCMA'], hosts: ['dead', 'pcma'] },
];

const NUMBERS: readonly StageNumber[] = [
  ...MEDIA_PAIRS.map((plan, i) => ({
    number: planNumber(i),
    keying: plan.keying,
    codecs: [plan.whatsapp],
    trunk: plan.pbx,
    extension: plan.endedBy === 'user' ? '600' : '601',
  })),
  ...Object.values(EXTRA).map((extra) => ({ keying: 'sdes' as const, codecs: ['opus'] as const, ...extra })),
];

export const userCalls: ScenarioParts = { numbers: NUMBERS, trunks: TRUNKS, play: playUserCalls };

/** Places all calls, most of them at once. */
async function playUserCalls(stage: Stage): Promise<Played> {
  const calls = await playPairs(stage, 'user-initiated', (pair, i) => place(stage, pair, planNumber(i)));
  return { calls, checks: await playChecks(stage) };
}

async function place(stage: Stage, pair: MediaPair, number: string): Promise<Placed> {
  const peer = await openUser(stage, pair);
  const startedAt = Date.now();
  const call = stage.edge.call({
    from: USER,
    to: number,
    media: peer,
    password: PASSWORD,
    user: { name: 'ana', country: 'US' },
  });
  const { wacid } = call.id;
  return {
    ...{ pair, peer, call, startedAt },
    isOfPbx: (one) => one.headers.get('x-wa-wacid') === wacid,
    legs: (ladders) => ladders.userCall(wacid),
  };
}

async function playChecks(stage: Stage): Promise<CheckResult[]> {
  const outcomes = await Promise.all([
    outcome(stage, 'user cancels while it rings', { to: EXTRA.ringing.number, cancel: true }, 'user cancelled 487'),
    outcome(stage, 'busy extension', { to: EXTRA.busy.number }, 'business rejected 486'),
    outcome(stage, 'number that is not configured', { to: '+15550109999' }, 'business rejected 404'),
    outcome(stage, 'wrong password', { to: EXTRA.busy.number, password: 'wrong' }, 'business rejected 403'),
    outcome(stage, 'first host of the trunk is dead', { to: EXTRA.failOver.number }, 'user hangup 200'),
  ]);
  return [...outcomes, await dtlsStart(stage, true), await dtlsStart(stage, false)];
}

/** The first packet after the ACK with DTLS, which depends on when Meta takes a ClientHello. */
async function dtlsStart(stage: Stage, early: boolean): Promise<CheckResult> {
  const media = await createMediaPeer({
    keying: 'dtls',
    codecs: ['opus'],
    address: '127.0.0.1',
    share: stage.share,
    earlyClientHello: early,
  });
  const call = stage.edge.call({ from: USER, to: EXTRA.dtls.number, media, password: PASSWORD });
  if ((await call.answered) !== undefined) await delay(800);
  await call.hangup();
  const { firstAudioMs } = media.counters();
  const when = early ? 'at any time' : 'only after ICE has nominated';
  return {
    name: `first packet in ms, DTLS, ClientHello taken ${when}`,
    ok: firstAudioMs !== undefined && firstAudioMs <= (early ? DTLS_START_MS : DTLS_LATE_START_MS),
    value: rounded(firstAudioMs, 1),
  };
}

interface CheckCall {
  readonly to: string;
  readonly password?: string;
  readonly cancel?: boolean;
}

async function outcome(stage: Stage, name: string, check: CheckCall, expected: string): Promise<CheckResult> {
  const media = await createMediaPeer({ keying: 'sdes', codecs: ['opus'], address: '127.0.0.1', share: stage.share });
  const call = stage.edge.call({ from: USER, to: check.to, media, password: check.password ?? PASSWORD });
  if (check.cancel === true && (await call.ringing) !== undefined) await call.cancel();
  else if ((await call.answered) !== undefined) await call.hangup();
  const { by, cause, status } = await call.ended;
  const value = [by, cause, status].filter((part) => part !== undefined).join(' ');
  const violations = call.violations.map((v) => v.rule);
  return { name, ok: value === expected && violations.length === 0, value: [value, ...violations].join(', ') };
}
