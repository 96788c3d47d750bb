/** The gate for calls of the PBX, with what the PBX changes during them: docs/decisions/0002-pbx-side.md. */
import type { BusinessCallMedia } from '../../gateway/media/port.js';
import { createMediaPeer } from '../../simulator/media/index.js';
import type { MediaShare } from '../../simulator/media/share.js';
import type { Codec, Keying } from '../../simulator/media/types.js';
import { pass, warm, type GateResult } from './gate.js';
import { ScriptedPbx } from './scripted-pbx.js';

export interface BusinessPair {
  readonly keying: Keying;
  readonly whatsapp: Codec;
  readonly pbx: Codec;
  /** The PBX's codec after its re-INVITE. */
  readonly then: Codec;
}

export const BUSINESS_PAIRS: readonly BusinessPair[] = (['dtls', 'sdes'] as const).flatMap((keying) => [
  { keying, whatsapp: 'opus', pbx: 'PCMA', then: 'opus' },
  { keying, whatsapp: 'opus', pbx: 'opus', then: 'PCMA' },
  { keying, whatsapp: 'PCMA', pbx: 'PCMA', then: 'PCMU' },
]);

/** What the gate drives: one call's media, wherever it is. */
export interface RemoteBusinessCall {
  readonly whatsappOffer: string;
  ringback(): Promise<string>;
  answer(sdp: string): Promise<string>;
  start(): Promise<void>;
  pbxOffers(sdp: string): Promise<string>;
  sendKey(key: string, durationMs: number): Promise<void>;
  close(): Promise<void>;
}

export interface BusinessGateOptions {
  readonly pair: BusinessPair;
  readonly share: MediaShare;
  readonly open: (call: Omit<BusinessCallMedia, 'onLost' | 'signal'>) => Promise<RemoteBusinessCall>;
  readonly earlyClientHello: boolean;
  readonly holdMs: number;
}

export interface BusinessGateResult extends GateResult {
  /** Our directions toward the PBX in answer to hold, `c=0.0.0.0` and resume. */
  readonly directions: readonly string[];
  /** Versions of our o= line, in order. */
  readonly versions: readonly number[];
}

const USER_HZ = 440;
const PBX_HZ = 620;
/** How long the last of the user's six keys may take to the PBX. */
const KEY_LIMIT_MS = 5000;
let calls = 0;

/**
 * One call: ringing tone, the PBX silent, speaking, keys both ways and one by SIP INFO, hold with music and without,
 * another codec, hold of the old kind, another port.
 */
export async function runBusinessGate(o: BusinessGateOptions): Promise<BusinessGateResult> {
  const { keying, whatsapp, pbx: codec, then } = o.pair;
  const codecs: Codec[] = whatsapp === 'opus' ? ['opus'] : ['opus', whatsapp];
  warm(o.share, [whatsapp, codec, then]);
  const { share, earlyClientHello } = o;
  const peer = await createMediaPeer({ keying, codecs, address: '127.0.0.1', share, earlyClientHello });
  const pbx = await ScriptedPbx.create(codec, o.share);
  const answers: string[] = [];
  const call = await o.open({
    id: `business-gate-${process.pid}-${++calls}`,
    keying,
    whatsappCodecs: codecs,
    pbxCodecs: codec === then ? [codec] : [codec, then],
    pbxOffer: pbx.offer(codec),
  });
  const change = async (...offer: Parameters<ScriptedPbx['offer']>): Promise<void> => {
    const answer = await call.pbxOffers(pbx.offer(...offer));
    answers.push(answer);
    pbx.agree(answer);
  };
  try {
    pbx.agree(await call.ringback());
    await pass(300);
    const answer = await call.answer(peer.answerSdp(call.whatsappOffer));
    answers.push(answer);
    pbx.agree(answer);
    await call.start();
    peer.markAck();
    peer.play({ kind: 'tone', hz: USER_HZ });
    await pass(700);
    pbx.speak({ kind: 'tone', hz: PBX_HZ });
    await pass(1500);
    await Promise.all([peer.sendDigits('1234#'), pbx.sendDigits('5678')]);
    await pass(300);
    await call.sendKey('9', 120);
    await pass(400);
    await change(codec, 'sendonly');
    await pass(500);
    pbx.silence();
    await pass(o.holdMs);
    await change(then);
    pbx.speak({ kind: 'tone', hz: PBX_HZ });
    await pass(1500);
    await Promise.all([peer.sendDigits('*'), pbx.sendDigits('00')]);
    // Nothing is passed to a PBX on hold.
    for (const limit = performance.now() + KEY_LIMIT_MS; performance.now() < limit && pbx.digits.length < 6;) {
      await pass(20);
    }
    await pass(300);
    pbx.silence();
    await change(then, 'sendrecv', '0.0.0.0');
    await pass(500);
    await pbx.movePort();
    await change(then);
    pbx.speak({ kind: 'tone', hz: PBX_HZ });
    await pass(1500);
    peer.markEnd();
    return {
      atUser: await peer.report(),
      atPbx: await pbx.report(),
      directions: answers.map((sdp) => /^a=(sendrecv|sendonly|recvonly|inactive)\r$/m.exec(sdp)?.[1] ?? ''),
      versions: answers.map((sdp) => Number(/^o=- \d+ (\d+)/m.exec(sdp)?.[1])),
    };
  } finally {
    await call.close();
    await peer.close();
    pbx.close();
  }
}
