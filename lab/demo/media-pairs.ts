/** Six ways of media, the same for calls in and out: talk, keys both ways, good-bye, and what was measured. */
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { BusinessCall, Call, Ended } from '../../simulator/index.js';
import { createMediaPeer, type Codec, type MediaPeer, type MediaReport } from '../../simulator/media/index.js';
import type { AsteriskCall } from '../processes/index.js';
import { Ladders, type Legs } from './ladder.js';
import { endedBy, heardByPbx, heardByUser, round, USER_HZ } from './measure.js';
import { readRtpLog, type ReceivedRtp } from './rtp-log.js';
import type { CallResult, PlayedCall } from './result.js';
import type { Stage } from './stage.js';

const DIGIT_MS = 120;

export interface MediaPair {
  readonly name: string;
  readonly keying: 'dtls' | 'sdes';
  readonly whatsapp: Codec;
  /** The codec of the PBX side. */
  readonly pbx: 'pcma' | 'opus';
  readonly endedBy: 'user' | 'pbx';
}

/** Asterisk: 600 waits for the user to hang up, 601 hangs up itself (asterisk/extensions.conf). */
export const MEDIA_PAIRS: readonly MediaPair[] = (['dtls', 'sdes'] as const).flatMap((keying, k) =>
  (
    [
      ['opus', 'pcma'],
      ['opus', 'opus'],
      ['PCMA', 'pcma'],
    ] as const
  ).map(([whatsapp, pbx], i) => ({
    name: `${keying} ${whatsapp.toLowerCase()}>${pbx}`,
    ...{ keying, whatsapp, pbx, endedBy: (i + k) % 2 === 0 ? ('user' as const) : ('pbx' as const) },
  })),
);

/** A call that was placed; nobody has answered yet. */
export interface Placed {
  readonly pair: MediaPair;
  readonly peer: MediaPeer;
  readonly call: Call | BusinessCall;
  /** When the times of the call count from, ms since the epoch. */
  readonly startedAt: number;
  /** Which of Asterisk's calls it is. */
  readonly isOfPbx: (one: AsteriskCall) => boolean;
  readonly legs: (ladders: Ladders) => Legs;
}

interface PlayedPair extends Placed {
  readonly answered: boolean;
  readonly ended: Ended;
}

interface Measured extends PlayedPair {
  readonly report: MediaReport;
}

export function openUser(stage: Stage, { keying, whatsapp }: MediaPair): Promise<MediaPeer> {
  return createMediaPeer({ keying, codecs: [whatsapp], address: '127.0.0.1', share: stage.share });
}

/** Plays all six at once and measures them afterwards. */
export async function playPairs(
  stage: Stage,
  direction: CallResult['direction'],
  place: (pair: MediaPair, index: number) => Promise<Placed>,
): Promise<PlayedCall[]> {
  await stage.asterisk.cli('rtp set debug on');
  // Encoding a sound takes time once: not while calls are measured.
  for (const codec of ['opus', 'PCMA'] as const) stage.share.sounds.loop({ kind: 'tone', hz: USER_HZ }, codec);
  const played = await Promise.all(MEDIA_PAIRS.map(async (pair, i) => playOne(await place(pair, i))));
  // Decoding and measuring is heavy: not while another call is heard.
  const measured: Measured[] = [];
  for (const one of played) measured.push({ ...one, report: await one.peer.report() });
  await stage.asterisk.cli('rtp set debug off');
  const ladders = new Ladders(await stage.trace());
  const rtp = readRtpLog(await readFile(stage.asterisk.logFile, 'utf8'));
  return Promise.all(
    measured.map(async (one) => {
      const legs = one.legs(ladders);
      const media = ladders.pbxMedia(legs);
      const received = rtp.get(media.gatewayPort ?? -1);
      const result = await resultOf(stage, one, { direction, pbxCodec: media.codec, received });
      return { result, ladder: ladders.draw(legs) };
    }),
  );
}

async function playOne(placed: Placed): Promise<PlayedPair> {
  const answered = (await placed.call.answered) !== undefined;
  if (answered) await converse(placed);
  return { ...placed, answered, ended: await placed.call.ended };
}

/** Talk, keys there, keys back, good-bye. */
async function converse({ call, peer, pair }: Placed): Promise<void> {
  peer.play({ kind: 'tone', hz: USER_HZ });
  const over = call.ended.then(() => true);
  // DTLS may take two seconds until the user hears anything; the tone counts once both hear it for a second and more.
  if (await Promise.race([over, delay(pair.keying === 'dtls' ? 4500 : 3000, false)])) return;
  peer.play({ kind: 'silence' });
  await peer.sendDigits('1234#', { durationMs: DIGIT_MS, gapMs: 80 });
  if (await Promise.race([over, delay(3000, false)])) return;
  if (pair.endedBy === 'user') await call.hangup();
  else await Promise.race([over, delay(3000)]);
}

interface OfPbxLeg {
  readonly direction: CallResult['direction'];
  readonly pbxCodec: string | undefined;
  readonly received: ReceivedRtp | undefined;
}

async function resultOf(
  stage: Stage,
  { pair, call, report, answered, ended, startedAt, isOfPbx }: Measured,
  { direction, pbxCodec, received }: OfPbxLeg,
): Promise<CallResult> {
  const pbx = await stage.asterisk
    .awaitCall((one) => isOfPbx(one) && one.endedAt !== undefined, 5000)
    .catch(() => undefined);
  const keys = report.digits;
  const via = new Set(keys.map((digit) => digit.via));
  const { ack } = call.times;
  return {
    name: direction === 'business-initiated' ? `out, ${pair.name}` : pair.name,
    direction,
    keying: pair.keying,
    codecs: `${pair.whatsapp.toLowerCase()}>${pbxCodec ?? '?'}`,
    answered,
    atUser: heardByUser(report),
    atPbx: await heardByPbx(pbx, received, ack === undefined ? null : startedAt + ack),
    digitsAtPbx: pbx?.digits ?? '',
    digitsAtUser: keys.map((digit) => digit.key).join(''),
    digitsAtUserVia: via.size === 2 ? 'both' : ([...via][0] ?? null),
    digitDurationErrorMs: {
      atPbx: largestError(pbx === undefined ? [] : await stage.asterisk.receivedDigits(pbx.channel), DIGIT_MS),
      atUser: largestError(keys, PBX_DIGIT_MS),
    },
    endedBy: endedBy(ended),
    features: [],
    violations: [...new Set([...report.violations, ...call.violations.map((v) => v.rule)])],
    fault: null,
  };
}

/** What extensions.conf asks of SendDTMF. */
const PBX_DIGIT_MS = 160;

function largestError(digits: readonly { readonly durationMs: number }[], expected: number): number | null {
  if (digits.length === 0) return null;
  return round(Math.max(...digits.map(({ durationMs }) => Math.abs(durationMs - expected))), 1);
}
