/** Scenario `user-calls`: WhatsApp users call; six ways of media, then what goes wrong in daily life. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Call, Ended } from '../../simulator/index.js';
import {
  createMediaPeer,
  measureTone,
  readWav,
  type Codec,
  type MediaPeer,
  type MediaReport,
} from '../../simulator/media/index.js';
import { readFile } from 'node:fs/promises';
import type { AsteriskCall } from '../processes/index.js';
import { Ladders } from './ladder.js';
import { readRtpLog, type ReceivedRtp } from './rtp-log.js';
import type { CallResult, CheckResult, Heard } from './result.js';
import { PASSWORD, type Stage, type StageNumber, type StageTrunk } from './stage.js';

const USER_HZ = 440;
const PBX_HZ = 620;
const DIGIT_MS = 120;
export const SDES_START_MS = 60;
const DTLS_START_MS = 250;
/** ICE takes rtpengine 100 to 200 ms; then the handshake follows at once. */
export const DTLS_LATE_START_MS = 400;
const USER = '+12195550714';

interface Plan {
  readonly name: string;
  readonly keying: 'dtls' | 'sdes';
  readonly whatsapp: Codec;
  readonly trunk: 'pcma' | 'opus';
  readonly endedBy: 'user' | 'pbx';
}

/** Asterisk: 600 waits for the user to hang up, 601 hangs up itself (asterisk/extensions.conf). */
const PLANS: readonly Plan[] = (['dtls', 'sdes'] as const).flatMap((keying, k) =>
  (
    [
      ['opus', 'pcma'],
      ['opus', 'opus'],
      ['PCMA', 'pcma'],
    ] as const
  ).map(([whatsapp, trunk], i) => ({
    name: `${keying} ${whatsapp.toLowerCase()}>${trunk}`,
    ...{ keying, whatsapp, trunk, endedBy: (i + k) % 2 === 0 ? ('user' as const) : ('pbx' as const) },
  })),
);

const planNumber = (index: number): string => `+1555010000${index}`;
const EXTRA = {
  ringing: { number: '+15550100010', extension: '608', trunk: 'pcma' },
  busy: { number: '+15550100011', extension: '640', trunk: 'pcma' },
  dtls: { number: '+15550100013', extension: '607', trunk: 'pcma', keying: 'dtls' },
  failOver: { number: '+15550100012', extension: '607', trunk: 'second-host' },
} as const;

export const TRUNKS: readonly StageTrunk[] = [
  { name: 'pcma', codecs: ['PCMA'], hosts: ['pcma'] },
  { name: 'opus', codecs: ['opus'], hosts: ['opus'] },
  { name: 'second-host', codecs: ['PCMA'], hosts: ['dead', 'pcma'] },
];

export const NUMBERS: readonly StageNumber[] = [
  ...PLANS.map((plan, i) => ({
    number: planNumber(i),
    keying: plan.keying,
    codecs: plan.whatsapp === 'opus' ? ['opus'] : ['PCMA'],
    trunk: plan.trunk,
    extension: plan.endedBy === 'user' ? '600' : '601',
  })),
  ...Object.values(EXTRA).map((extra) => ({ keying: 'sdes' as const, codecs: ['opus'], ...extra })),
];

export interface PlayedCall {
  readonly result: CallResult;
  readonly ladder: readonly string[];
}

export interface Played {
  readonly calls: PlayedCall[];
  readonly checks: CheckResult[];
}

/** Places all calls, most of them at once. */
export async function playUserCalls(stage: Stage): Promise<Played> {
  await stage.asterisk.cli('rtp set debug on');
  // Encoding a sound takes time once: not while calls are measured.
  for (const codec of ['opus', 'PCMA'] as const) stage.share.sounds.loop({ kind: 'tone', hz: USER_HZ }, codec);
  const played = await Promise.all(PLANS.map((plan, i) => playOne(stage, plan, planNumber(i))));
  // Decoding and measuring is heavy: not while another call is heard.
  const raw: RawCall[] = [];
  for (const one of played) raw.push({ ...one, report: await one.peer.report() });
  await stage.asterisk.cli('rtp set debug off');
  const checks = await playChecks(stage);
  const ladders = new Ladders(await stage.trace());
  const rtp = readRtpLog(await readFile(stage.asterisk.logFile, 'utf8'));
  const calls = await Promise.all(
    raw.map(async (one) => ({
      result: await resultOf(stage, one, rtp.get(ladders.offeredPort(one.call.id.wacid) ?? -1)),
      ladder: ladders.draw(one.call.id.wacid),
    })),
  );
  return { calls, checks };
}

interface PlayedOne {
  readonly plan: Plan;
  readonly peer: MediaPeer;
  readonly call: Call;
  readonly answered: boolean;
  readonly ended: Ended;
  readonly ackedAt: number | null;
}

interface RawCall extends PlayedOne {
  readonly report: MediaReport;
}

async function playOne(stage: Stage, plan: Plan, number: string): Promise<PlayedOne> {
  const peer = await createMediaPeer({
    keying: plan.keying,
    codecs: [plan.whatsapp],
    address: '127.0.0.1',
    share: stage.share,
  });
  const startedAt = Date.now();
  const call = stage.edge.call({
    from: USER,
    to: number,
    media: peer,
    password: PASSWORD,
    user: { name: 'ana', country: 'US' },
  });
  const answered = (await call.answered) !== undefined;
  if (answered) await converse(call, peer, plan);
  const ended = await call.ended;
  const { ack } = call.times;
  return { plan, peer, call, answered, ended, ackedAt: ack === undefined ? null : startedAt + ack };
}

/** Talk, keys there, keys back, good-bye. */
async function converse(call: Call, peer: MediaPeer, plan: Plan): Promise<void> {
  peer.play({ kind: 'tone', hz: USER_HZ });
  const over = call.ended.then(() => true);
  // DTLS may take two seconds until the user hears anything; the tone counts once both hear it for a second and more.
  if (await Promise.race([over, delay(plan.keying === 'dtls' ? 4500 : 3000, false)])) return;
  peer.play({ kind: 'silence' });
  await peer.sendDigits('1234#', { durationMs: DIGIT_MS, gapMs: 80 });
  if (await Promise.race([over, delay(3000, false)])) return;
  if (plan.endedBy === 'user') await call.hangup();
  else await Promise.race([over, delay(3000)]);
}

async function resultOf(stage: Stage, raw: RawCall, rtp: ReceivedRtp | undefined): Promise<CallResult> {
  const { plan, call, report } = raw;
  const pbx = await stage.asterisk
    .awaitCall((one) => one.headers.get('x-wa-wacid') === call.id.wacid && one.endedAt !== undefined, 5000)
    .catch(() => undefined);
  const keys = report.digits;
  const via = new Set(keys.map((digit) => digit.via));
  return {
    name: plan.name,
    direction: 'user-initiated',
    keying: plan.keying,
    codecs: `${plan.whatsapp.toLowerCase()}>${pbx?.codec === 'alaw' ? 'pcma' : (pbx?.codec ?? '?')}`,
    answered: raw.answered,
    atUser: heardByUser(report),
    atPbx: await heardByPbx(pbx, rtp, raw.ackedAt),
    digitsAtPbx: pbx?.digits ?? '',
    digitsAtUser: keys.map((digit) => digit.key).join(''),
    digitsAtUserVia: via.size === 2 ? 'both' : ([...via][0] ?? null),
    digitDurationErrorMs: {
      atPbx: largestError(pbx === undefined ? [] : await stage.asterisk.receivedDigits(pbx.channel), DIGIT_MS),
      atUser: largestError(keys, PBX_DIGIT_MS),
    },
    endedBy: endedBy(raw.ended),
    features: [],
    violations: [...new Set([...report.violations, ...call.violations.map((v) => v.rule)])],
  };
}

/** What extensions.conf asks of SendDTMF. */
const PBX_DIGIT_MS = 160;

function largestError(digits: readonly { readonly durationMs: number }[], expected: number): number | null {
  if (digits.length === 0) return null;
  return round(Math.max(...digits.map(({ durationMs }) => Math.abs(durationMs - expected))), 1);
}

function heardByUser(report: MediaReport): Heard {
  return {
    hz: rounded(report.hz, 2),
    expectedHz: PBX_HZ,
    purity: rounded(report.purity, 4),
    loss: report.loss,
    firstAudioMs: rounded(report.firstAudioMs, 1),
    firstToneMs: rounded(report.firstToneMs, 1),
    ssrcs: report.ssrcs,
    largestGapMs: rounded(report.largestSureGapMs, 1),
  };
}

async function heardByPbx(
  pbx: AsteriskCall | undefined,
  rtp: ReceivedRtp | undefined,
  ackedAt: number | null,
): Promise<Heard> {
  const wav = pbx?.heardFile === undefined ? undefined : await readWav(pbx.heardFile).catch(() => undefined);
  const tone = wav === undefined ? undefined : measureTone(wav.pcm, wav.sampleRate);
  const since = (at: number | null | undefined): number | null =>
    at === null || at === undefined || ackedAt === null ? null : round(at - ackedAt, 1);
  return {
    hz: rounded(tone?.hz, 2),
    expectedHz: USER_HZ,
    purity: rounded(tone?.purity, 4),
    loss: rtp?.loss ?? null,
    firstAudioMs: since(rtp?.firstAt),
    firstToneMs: null,
    ssrcs: null,
    largestGapMs: rtp?.largestGapMs ?? null,
  };
}

function endedBy(ended: Ended): CallResult['endedBy'] {
  switch (ended.by) {
    case 'user':
      return 'user';
    case 'meta':
      return 'meta';
    case 'business':
      // The gateway names itself in its own causes; what the PBX said is passed on.
      return /text="(Media session lost|Shutting down|SIP server lost)"/.test(ended.reason ?? '') ? 'gateway' : 'pbx';
  }
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

function rounded(value: number | undefined, digits: number): number | null {
  return value === undefined ? null : round(value, digits);
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
