/** SDP composed from facts: what leaves says what we mean, and nothing of what somebody else's SDP carried along. */
import type { AudioFacts, Candidate, Format } from './read.js';
import { NO_OTHERS, type OtherSections } from './sections.js';

export interface AudioSection {
  readonly address: string;
  readonly port: number;
  readonly protocol: string;
  readonly formats: readonly Format[];
  readonly events: AudioFacts['events'];
  /** Format parameters of Opus. */
  readonly opus?: string;
  readonly direction?: AudioFacts['direction'];
  readonly attributes?: readonly string[];
  /** Sections of the offer that this answer refuses. */
  readonly others?: OtherSections;
}

/** `version` grows with each description of one session (RFC 3264, 8). */
export function writeSdp(origin: { readonly id: string; readonly version: number }, audio: AudioSection): string {
  const net = audio.address.includes(':') ? 'IP6' : 'IP4';
  const { at8000, at48000 } = audio.events;
  const payloadTypes = [
    ...audio.formats.map((f) => f.payloadType),
    ...[at8000, at48000].filter((p) => p !== undefined),
  ];
  const others = audio.others ?? NO_OTHERS;
  const lines = [
    'v=0',
    `o=- ${origin.id} ${origin.version} IN ${net} ${audio.address}`,
    's=-',
    `c=IN ${net} ${audio.address}`,
    't=0 0',
    ...others.before,
    `m=audio ${audio.port} ${audio.protocol} ${payloadTypes.join(' ')}`,
    ...audio.formats.flatMap((f) => formatLines(f, audio.opus)),
    ...eventLines(at8000, 8000),
    ...eventLines(at48000, 48000),
    'a=ptime:20',
    `a=${audio.direction ?? 'sendrecv'}`,
    ...(audio.attributes ?? []),
    ...others.after,
  ];
  return lines.map((line) => `${line}\r\n`).join('');
}

function formatLines({ codec, payloadType }: Format, opus: string | undefined): string[] {
  if (codec !== 'opus') return [`a=rtpmap:${payloadType} ${codec}/8000`];
  return [`a=rtpmap:${payloadType} opus/48000/2`, ...(opus === undefined ? [] : [`a=fmtp:${payloadType} ${opus}`])];
}

function eventLines(payloadType: number | undefined, clock: 8000 | 48000): string[] {
  if (payloadType === undefined) return [];
  return [`a=rtpmap:${payloadType} telephone-event/${clock}`, `a=fmtp:${payloadType} 0-16`];
}

export function candidateLine(c: Candidate): string {
  return `a=candidate:${c.foundation} ${c.component} ${c.transport} ${c.priority} ${c.address} ${c.port} typ ${c.type}`;
}

/** RTCP comes to the RTP port and ends there: the next port up may be another call's (RFC 3605). */
export const rtcpAt = (port: number): string => `a=rtcp:${port}`;
