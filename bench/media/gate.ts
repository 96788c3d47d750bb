/** The gate of docs/decisions/0001-media.md: what media must hold, whatever the PBX does. */
import { createMediaPeer } from '../../simulator/media/index.js';
import type { MediaShare } from '../../simulator/media/share.js';
import type { Codec, Keying, MediaReport } from '../../simulator/media/types.js';
import { ScriptedPbx, type PbxHeard } from './scripted-pbx.js';
import type { RemoteCall } from './media-process.js';
import type { UserCallMedia } from '../../gateway/media/port.js';

export interface GatePair {
  readonly keying: Keying;
  readonly whatsapp: Codec;
  readonly pbx: Codec;
}

export const PAIRS: readonly GatePair[] = (['dtls', 'sdes'] as const).flatMap((keying) => [
  { keying, whatsapp: 'opus', pbx: 'PCMA' },
  { keying, whatsapp: 'opus', pbx: 'opus' },
  { keying, whatsapp: 'PCMA', pbx: 'PCMA' },
]);

export interface GateOptions {
  readonly pair: GatePair;
  readonly share: MediaShare;
  readonly open: (call: Omit<UserCallMedia, 'onLost' | 'signal'>) => Promise<RemoteCall>;
  readonly earlyClientHello: boolean;
  readonly holdMs: number;
}

export interface GateResult {
  readonly atUser: MediaReport;
  readonly atPbx: PbxHeard;
}

const USER_HZ = 440;
const PBX_HZ = 620;
let calls = 0;

/**
 * One call: the PBX is silent, speaks, sends and gets keys, holds in silence, comes back with another SSRC and port.
 */
export async function runGate(o: GateOptions): Promise<GateResult> {
  const { keying, whatsapp, pbx: codec } = o.pair;
  const codecs: Codec[] = whatsapp === 'opus' ? ['opus'] : ['opus', whatsapp];
  warm(o.share, [whatsapp, codec]);
  const peer = await createMediaPeer({
    keying,
    codecs,
    address: '127.0.0.1',
    share: o.share,
    earlyClientHello: o.earlyClientHello,
  });
  const pbx = await ScriptedPbx.create(codec, o.share);
  const id = `gate-${process.pid}-${++calls}`;
  const call = await o.open({
    id,
    whatsappOffer: peer.offerSdp(),
    keying,
    whatsappCodecs: codecs,
    pbxCodecs: [codec],
  });
  try {
    peer.setAnswer(await call.answer(pbx.answer(call.pbxOffer)));
    await call.start();
    peer.markAck();
    peer.play({ kind: 'tone', hz: USER_HZ });
    await pass(700);
    pbx.speak({ kind: 'tone', hz: PBX_HZ });
    await pass(1500);
    await Promise.all([peer.sendDigits('1234#'), pbx.sendDigits('5678')]);
    await pass(300);
    pbx.silence();
    await pass(o.holdMs);
    await pbx.movePort();
    pbx.speak({ kind: 'tone', hz: PBX_HZ });
    await pass(1500);
    pbx.speak({ kind: 'tone', hz: PBX_HZ });
    await pass(1500);
    peer.markEnd();
    return { atUser: await peer.report(), atPbx: await pbx.report() };
  } finally {
    await call.close();
    await peer.close();
    pbx.close();
  }
}

/** Sounds are encoded once, before the clock runs. */
export function warm(share: MediaShare, codecs: readonly Codec[]): void {
  for (const codec of codecs) {
    for (const hz of [USER_HZ, PBX_HZ]) share.sounds.loop({ kind: 'tone', hz }, codec);
    share.sounds.loop({ kind: 'silence' }, codec);
  }
}

export const pass = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** One line a call, for people. */
export function describe(result: GateResult): string {
  const { atUser: u, atPbx: p } = result;
  const keys = (digits: PbxHeard['digits']): string =>
    digits.map((d) => `${d.key}${d.via === 'inband' ? '~' : ''}${Math.round(d.durationMs)}`).join(' ') || 'none';
  const ms = (value: number | undefined): string => (value === undefined ? '-' : value.toFixed(0));
  return [
    `first ${ms(u.firstAudioMs)} ms`,
    `gap ${ms(u.largestGapMs)} ms (own stall ${ms(u.ownStallMs)})`,
    `ssrcs ${u.ssrcs}`,
    `loss ${u.loss.toFixed(4)}`,
    `tone ${u.hz?.toFixed(1) ?? '-'} Hz purity ${u.purity?.toFixed(3) ?? '-'}`,
    `keys at user ${keys(u.digits)}`,
    `at PBX ${p.hz?.toFixed(1) ?? '-'} Hz purity ${p.purity?.toFixed(3) ?? '-'}`,
    `keys ${keys(p.digits)}`,
    `rtcp ${u.rtcpPackets}`,
    u.violations.length > 0 ? `violations ${u.violations.join(', ')}` : 'no violation',
  ].join(', ');
}
