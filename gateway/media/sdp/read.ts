/** SDP read once into the few facts that media needs (RFC 8866). */
import type { PbxCodec } from '../../config/types.js';
import { MediaFailure } from '../port.js';
import { byPayloadType, splitSdp, valueOf, values, type Part, type Section } from './lines.js';

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

const STATIC: Readonly<Record<string, string>> = { 0: 'PCMU/8000', 8: 'PCMA/8000' };
const KNOWN = new Map<string, Codec | keyof AudioFacts['events']>([
  ...CODECS.map((codec) => [`${codec.toLowerCase()}/${codec === 'opus' ? 48000 : 8000}`, codec] as const),
  ['telephone-event/8000', 'at8000'],
  ['telephone-event/48000', 'at48000'],
]);
const DIRECTIONS = ['sendrecv', 'sendonly', 'recvonly', 'inactive'] as const;

/**
 * Reads the first audio section that is not refused.
 * @param who for the message: `Meta's offer`, `the PBX's answer`
 * @throws MediaFailure 'sdp' that says what is missing
 */
export function readAudio(sdp: string, who: string): AudioFacts {
  const parts = splitSdp(sdp);
  if (parts === undefined) throw new MediaFailure('sdp', `${who} is not SDP: it has no line "v=0"`);
  const { session, audio } = parts;
  if (audio.length === 0) throw new MediaFailure('sdp', `${who} has no m=audio line`);
  const section = audio.find((m) => m.port !== 0);
  if (section === undefined) throw new MediaFailure('sdp', `${who} refuses audio: m=audio 0`);
  // c=IN IP4 192.0.2.1, with /TTL where it is multicast.
  const address = (section.connection ?? session.connection)?.split(/[ /]/)[2];
  if (address === undefined || address === '') throw new MediaFailure('sdp', `${who} has no c= line`);
  return {
    address,
    port: section.port,
    protocol: section.protocol,
    direction: directionOf(section, session),
    rtcpMux: section.attributes.has('rtcp-mux'),
    cryptos: values(section, 'crypto').flatMap(readCrypto),
    ...codecFacts(section),
    ...transportFacts(section, session),
  };
}

function codecFacts(section: Section): Pick<AudioFacts, 'formats' | 'events' | 'names' | 'fmtp'> {
  const rtpmap = byPayloadType(section, 'rtpmap');
  const formats: Format[] = [];
  const events: { at8000?: number; at48000?: number } = {};
  const names: string[] = [];
  for (const listed of section.payloadTypes) {
    if (!/^\d{1,3}$/.test(listed)) continue;
    const payloadType = Number(listed);
    const name = encodingName(rtpmap.get(listed)) ?? STATIC[listed] ?? `payload type ${listed} without a=rtpmap`;
    names.push(name);
    const known = KNOWN.get(name.toLowerCase());
    if (known === 'at8000' || known === 'at48000') events[known] ??= payloadType;
    else if (known !== undefined) formats.push({ codec: known, payloadType });
  }
  const fmtp = new Map<number, string>();
  for (const [payloadType, config] of byPayloadType(section, 'fmtp')) fmtp.set(Number(payloadType), config);
  return { formats, events, names, fmtp };
}

/** Name and clock, without the channels; 8000 where there is no clock. */
function encodingName(rtpmap: string | undefined): string | undefined {
  if (rtpmap === undefined) return undefined;
  const [name = '', clock = '8000'] = rtpmap.split('/');
  return `${name}/${clock}`;
}

type Optional = 'mid' | 'setup' | 'fingerprint' | 'ice';

function transportFacts(section: Section, session: Part): Pick<AudioFacts, Optional> {
  const facts: { -readonly [Key in Optional]?: AudioFacts[Key] } = {};
  const mid = values(section, 'mid')[0];
  if (mid !== undefined) facts.mid = mid;
  const setup = valueOf('setup', section, session);
  if (setup !== undefined) facts.setup = setup;
  const [hash, value] = valueOf('fingerprint', section, session)?.split(' ') ?? [];
  if (hash !== undefined && value !== undefined) facts.fingerprint = { hash, value };
  const ufrag = valueOf('ice-ufrag', section, session);
  const password = valueOf('ice-pwd', section, session);
  if (ufrag !== undefined && password !== undefined) {
    facts.ice = { ufrag, password, candidates: values(section, 'candidate').flatMap(readCandidate) };
  }
  return facts;
}

function directionOf(section: Section, session: Part): AudioFacts['direction'] {
  for (const { attributes } of [section, session]) for (const d of DIRECTIONS) if (attributes.has(d)) return d;
  return 'sendrecv';
}

/** RFC 4568, 9.1; session parameters are left out. */
function readCrypto(value: string): AudioFacts['cryptos'][number][] {
  const [tag, suite, keys] = value.split(' ');
  return keys === undefined || suite === undefined ? [] : [{ tag: Number(tag), suite, keys }];
}

/** RFC 8839, 5.1; extensions are left out. */
function readCandidate(value: string): Candidate[] {
  const [foundation, component, transport, priority, address, port, typ, type] = value.split(' ');
  if (foundation === undefined || transport === undefined || address === undefined) return [];
  if (typ !== 'typ' || type === undefined) return [];
  return [
    {
      foundation,
      component: Number(component),
      transport,
      priority: Number(priority),
      address,
      port: Number(port),
      type,
    },
  ];
}
