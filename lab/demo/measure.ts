/** What each side heard of a call, and who ended it. */
import type { Ended } from '../../simulator/index.js';
import { measureTone, readWav, type MediaReport } from '../../simulator/media/index.js';
import type { AsteriskCall } from '../processes/index.js';
import type { CallResult, Heard } from './result.js';
import type { ReceivedRtp } from './rtp-log.js';

/** The tone that users say. */
export const USER_HZ = 440;
/** Playtones() of asterisk/extensions.conf. */
const PBX_HZ = 620;

export function heardByUser(report: MediaReport): Heard {
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

export async function heardByPbx(
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

export function endedBy(ended: Ended): CallResult['endedBy'] {
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

export function rounded(value: number | undefined, digits: number): number | null {
  return value === undefined ? null : round(value, digits);
}

export function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
