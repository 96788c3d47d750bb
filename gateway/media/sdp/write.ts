/** SDP composed from facts: what leaves says what we mean, and nothing of what somebody else's SDP carried along. */
import type { AudioFacts, Candidate, Format } from './read.js';

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
}

/** `version` grows with each description of one session (RFC 3264, 8). */
export function writeSdp(origin: { readonly id: string; readonly version: number }, audio: AudioSection): string {
  const net = audio.address.includes(':') ? 'IP6' : 'IP4';
  const { at8000, at48000 } = audio.events;
  let payloadTypes = '';
  let formats = '';
  for (const format of audio.formats) {
    payloadTypes += ` ${format.payloadType}`;
    formats += formatLines(format, audio.opus);
  }
  for (const [payloadType, clock] of [
    [at8000, 8000],
    [at48000, 48000],
  ] as const) {
    if (payloadType === undefined) continue;
    payloadTypes += ` ${payloadType}`;
    formats += `a=rtpmap:${payloadType} telephone-event/${clock}\r\na=fmtp:${payloadType} 0-16\r\n`;
  }
  let attributes = '';
  for (const attribute of audio.attributes ?? []) attributes += `${attribute}\r\n`;
  return (
    `v=0\r\no=- ${origin.id} ${origin.version} IN ${net} ${audio.address}\r\ns=-\r\nc=IN ${net} ${audio.address}\r\nt=0 0\r\n` +
    `m=audio ${audio.port} ${audio.protocol}${payloadTypes}\r\n${formats}` +
    `a=ptime:20\r\na=${audio.direction ?? 'sendrecv'}\r\n${attributes}`
  );
}

function formatLines({ codec, payloadType }: Format, opus: string | undefined): string {
  if (codec !== 'opus') return `a=rtpmap:${payloadType} ${codec}/8000\r\n`;
  return `a=rtpmap:${payloadType} opus/48000/2\r\n${opus === undefined ? '' : `a=fmtp:${payloadType} ${opus}\r\n`}`;
}

export function candidateLine(c: Candidate): string {
  return `a=candidate:${c.foundation} ${c.component} ${c.transport} ${c.priority} ${c.address} ${c.port} typ ${c.type}`;
}
