/** SDP read once into the few facts that media needs (RFC 8866). */
import * as sdpTransform from 'sdp-transform';
import type { PbxCodec } from '../../config/types.js';
import { MediaFailure } from '../port.js';

export type Codec = PbxCodec;
export const CODECS = ['opus', 'PCMA', 'PCMU'] as const satisfies readonly Codec[];

export interface Format {
  readonly codec: Codec;
  readonly payloadType: number;
}

export interface Candidate {
  readonly foundation: string;
  readonly component: number;
  readonly transport: string;
  readonly priority: number;
  readonly address: string;
  readonly port: number;
  readonly type: string;
}

/** One audio section. */
export interface AudioFacts {
  readonly address: string;
  readonly port: number;
  readonly protocol: string;
  readonly direction: 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';
  /** The codecs known here, in the order of the m= line. */
  readonly formats: readonly Format[];
  /** Payload type of telephone-event, by clock. */
  readonly events: { readonly at8000?: number; readonly at48000?: number };
  /** Everything offered, for messages: `G722/8000`. */
  readonly names: readonly string[];
  readonly fmtp: ReadonlyMap<number, string>;
  readonly mid?: string;
  readonly rtcpMux: boolean;
  readonly setup?: string;
  readonly fingerprint?: { readonly hash: string; readonly value: string };
  readonly ice?: { readonly ufrag: string; readonly password: string; readonly candidates: readonly Candidate[] };
  readonly cryptos: readonly { readonly tag: number; readonly suite: string; readonly keys: string }[];
}

const STATIC: Readonly<Record<number, string>> = { 0: 'PCMU/8000', 8: 'PCMA/8000' };
type Section = sdpTransform.MediaDescription;

/**
 * Reads the first audio section that is not refused.
 * @param who for the message: `Meta's offer`, `the PBX's answer`
 * @throws MediaFailure 'sdp' that says what is missing
 */
export function readAudio(sdp: string, who: string): AudioFacts {
  const session = parse(sdp, who);
  const sections = session.media.filter((m) => m.type === 'audio');
  if (sections.length === 0) throw new MediaFailure('sdp', `${who} has no m=audio line`);
  const section = sections.find((m) => m.port !== 0);
  if (section === undefined) throw new MediaFailure('sdp', `${who} refuses audio: m=audio 0`);
  const address = (section.connection ?? session.connection)?.ip;
  if (address === undefined) throw new MediaFailure('sdp', `${who} has no c= line`);
  return { ...codecFacts(section), ...transportFacts(session, section, address) };
}

function parse(sdp: string, who: string): sdpTransform.SessionDescription {
  if (!/^v=0\r?$/m.test(sdp)) throw new MediaFailure('sdp', `${who} is not SDP: it has no line "v=0"`);
  try {
    return sdpTransform.parse(sdp);
  } catch (error) {
    throw new MediaFailure('sdp', `${who} cannot be parsed`, { cause: error });
  }
}

function codecFacts(section: Section): Pick<AudioFacts, 'formats' | 'events' | 'names' | 'fmtp'> {
  const rtpmap = new Map(section.rtp.map((r) => [r.payload, `${r.codec}/${r.rate ?? 8000}`]));
  const listed = String(section.payloads ?? '')
    .split(' ')
    .filter((p) => /^\d+$/.test(p))
    .map(Number);
  const formats: Format[] = [];
  const events: { at8000?: number; at48000?: number } = {};
  const names: string[] = [];
  for (const payloadType of listed) {
    const name = rtpmap.get(payloadType) ?? STATIC[payloadType] ?? `payload type ${payloadType} without a=rtpmap`;
    names.push(name);
    const codec = CODECS.find((c) => name.toLowerCase() === `${c.toLowerCase()}/${c === 'opus' ? 48000 : 8000}`);
    if (codec !== undefined) formats.push({ codec, payloadType });
    else if (name.toLowerCase() === 'telephone-event/8000') events.at8000 ??= payloadType;
    else if (name.toLowerCase() === 'telephone-event/48000') events.at48000 ??= payloadType;
  }
  return { formats, events, names, fmtp: new Map(section.fmtp.map((f) => [f.payload, f.config])) };
}

function transportFacts(
  session: sdpTransform.SessionDescription,
  section: Section,
  address: string,
): Omit<AudioFacts, 'formats' | 'events' | 'names' | 'fmtp'> {
  const fingerprint = section.fingerprint ?? session.fingerprint;
  const setup = section.setup ?? session.setup;
  const ufrag = section.iceUfrag ?? session.iceUfrag;
  const password = section.icePwd ?? session.icePwd;
  return {
    address,
    port: section.port,
    protocol: section.protocol,
    direction: section.direction ?? session.direction ?? 'sendrecv',
    rtcpMux: section.rtcpMux !== undefined,
    cryptos: (section.crypto ?? []).map((c) => ({ tag: c.id, suite: c.suite, keys: c.config })),
    ...(section.mid === undefined ? {} : { mid: String(section.mid) }),
    ...(setup === undefined ? {} : { setup }),
    ...(fingerprint === undefined ? {} : { fingerprint: { hash: fingerprint.type, value: fingerprint.hash } }),
    ...(ufrag === undefined || password === undefined
      ? {}
      : { ice: { ufrag: String(ufrag), password: String(password), candidates: candidates(section) } }),
  };
}

function candidates(section: Section): Candidate[] {
  return (section.candidates ?? []).map((c) => ({
    foundation: String(c.foundation),
    component: c.component,
    transport: c.transport,
    priority: Number(c.priority),
    address: c.ip,
    port: c.port,
    type: c.type,
  }));
}
