import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createMediaPeer, type MediaPeer, type MediaShare } from './media/index.js';
import type { Codec, Keying } from './media/types.js';
import { createCertificateAuthority, type PemPair, writePemPair } from './pki.js';
import { outcomeOf, type CallOutcome } from './report.js';
import type { BusinessCall } from './sip/business/business-call.js';
import type { Plan } from './sip/business/plan.js';
import { REFUSALS, type RefusalId } from './sip/business/refusals.js';
import type { Ended } from './sip/call.js';
import type { MetaEdge } from './sip/edge.js';
import { endSignal, talk, type Talk } from './talk.js';

/** Where the stand-in takes calls of the business, and what the called user does with them. Times in ms. */
export interface Answering {
  readonly listen: { readonly host: string; readonly port: number };
  /** Folder of the stand-in's certificate and its CA, `ca.crt`; made where it has none. */
  readonly identity: string;
  /** From the call to the answer or the refusal. */
  readonly ringMs: number;
  /** Refuses with this one; answers without it. */
  readonly refusal?: RefusalId;
  /** How long the next call is waited for. */
  readonly waitMs: number;
}

export interface AnsweringUser extends Talk {
  readonly keying: Keying;
  readonly codecs: readonly Codec[];
  readonly toneHz: number;
  readonly mediaAddress: string;
  readonly share: MediaShare;
}

const EDGE_NAME = 'wa.meta.vc';

/**
 * The certificate of Meta's stand-in, the same one in each run, so that the gateway's `whatsapp.ca` stays right.
 * @throws Error for a folder that can be neither read nor written
 */
export async function standInIdentity(folder: string): Promise<PemPair & { readonly caFile: string }> {
  const caFile = join(folder, 'ca.crt');
  const read = (name: string): Promise<string> => readFile(join(folder, name), 'utf8');
  try {
    const [key, certificate] = await Promise.all([read(`${EDGE_NAME}.key`), read(`${EDGE_NAME}.crt`), read('ca.crt')]);
    return { key, certificate, caFile };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const ca = createCertificateAuthority('wa-trunk stand-in for Meta');
  const pair = ca.issue([EDGE_NAME], { days: 365 });
  await writePemPair(folder, EDGE_NAME, pair);
  await writeFile(caFile, ca.certificate);
  return { ...pair, caFile };
}

/** How a run of calls ends, and who hears of each. */
export interface Run {
  readonly calls: number;
  /** Hangs up whoever talks. */
  readonly signal: AbortSignal;
  /** Gets each call when it is over. */
  readonly told: (outcome: CallOutcome) => void;
}

/** Takes calls of the business until there were so many, or none came in time. */
export async function takeCalls(edge: MetaEdge, answering: Answering, user: AnsweringUser, run: Run): Promise<void> {
  const peers = new Map<BusinessCall, MediaPeer>();
  const playing = new Map<BusinessCall, Promise<void>>();
  const planOf = async (call: BusinessCall): Promise<Plan> => {
    const { ringMs, refusal } = answering;
    if (!playing.has(call)) return { kind: 'refuse', refusal: 'unavailable' };
    if (refusal !== undefined) return { kind: 'refuse', refusal, afterMs: ringMs, ringing: ringMs > 0 };
    const media = await createMediaPeer({ ...user, address: user.mediaAddress });
    media.play({ kind: 'tone', hz: user.toneHz });
    peers.set(call, media);
    return { kind: 'answer', media, afterMs: ringMs };
  };
  const play = async (call: BusinessCall): Promise<void> => {
    const { ended, media } = await follow(call, peers, user, run.signal);
    const outcome = outcomeOf(call, ended, await media?.report());
    run.told(answering.refusal === undefined ? outcome : { ...outcome, ok: isRefusedAs(answering.refusal, outcome) });
  };
  await new Promise<void>((enough) => {
    const end = (): void => {
      clearTimeout(timer);
      run.signal.removeEventListener('abort', end);
      enough();
    };
    let timer = setTimeout(end, answering.waitMs);
    run.signal.addEventListener('abort', end);
    edge.onBusinessCall(planOf, (call) => {
      if (playing.size >= run.calls) return;
      playing.set(call, play(call));
      clearTimeout(timer);
      if (playing.size === run.calls) end();
      else timer = setTimeout(end, answering.waitMs);
    });
  });
  await Promise.all(playing.values());
}

async function follow(
  call: BusinessCall,
  peers: ReadonlyMap<BusinessCall, MediaPeer>,
  user: Talk,
  signal: AbortSignal,
): Promise<{ readonly ended: Ended; readonly media: MediaPeer | undefined }> {
  const hangup = (): void => void call.hangup();
  signal.addEventListener('abort', hangup, { once: true });
  try {
    const answered = await call.answered;
    const media = peers.get(call);
    if (answered !== undefined && media !== undefined) {
      await talk(media, user, AbortSignal.any([signal, endSignal(call.ended)]));
    }
    return { ended: await call.hangup(), media };
  } finally {
    signal.removeEventListener('abort', hangup);
  }
}

function isRefusedAs(refusal: RefusalId, { ended, violations }: CallOutcome): boolean {
  const { status, reason } = REFUSALS[refusal];
  return ended.status === status && ended.reason === reason && violations.length === 0;
}
