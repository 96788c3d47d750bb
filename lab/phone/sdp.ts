/** Just the SDP of a plain phone: one audio stream with PCMA and telephone-event. */

export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

export const PCMA = 8;
export const TELEPHONE_EVENT = 101;

export interface RemoteAudio {
  readonly address: string;
  readonly port: number;
  readonly direction: Direction;
  /** Payload type of telephone-event/8000, if it has one. */
  readonly eventPayloadType: number | undefined;
  readonly pcma: boolean;
}

/** @param version of the o= line: one higher for each change (RFC 3264 section 8). */
export function writeSdp(
  at: { readonly address: string; readonly port: number },
  direction: Direction,
  version: number,
): string {
  return [
    'v=0',
    `o=phone 1000 ${version} IN IP4 ${at.address}`,
    's=-',
    `c=IN IP4 ${at.address}`,
    't=0 0',
    `m=audio ${at.port} RTP/AVP ${PCMA} ${TELEPHONE_EVENT}`,
    `a=rtpmap:${PCMA} PCMA/8000`,
    `a=rtpmap:${TELEPHONE_EVENT} telephone-event/8000`,
    `a=fmtp:${TELEPHONE_EVENT} 0-15`,
    'a=ptime:20',
    `a=${direction}`,
    '',
  ].join('\r\n');
}

/** @returns undefined where there is no audio */
export function readSdp(sdp: string): RemoteAudio | undefined {
  const [, port, formats] = /^m=audio (\d+) \S+ (.*)$/m.exec(sdp) ?? [];
  if (port === undefined || formats === undefined) return undefined;
  const event = /^a=rtpmap:(\d+) telephone-event\/8000/m.exec(sdp)?.[1];
  const address = /^c=IN IP4 (\S+)/m.exec(sdp)?.[1] ?? '';
  return {
    address,
    port: Number(port),
    direction: directionOf(sdp),
    eventPayloadType: event === undefined ? undefined : Number(event),
    pcma: formats.trim().split(/\s+/).includes(String(PCMA)),
  };
}

/** What the sender of this SDP says of its audio; `c=0.0.0.0` is the hold of RFC 2543. */
export function directionOf(sdp: string): Direction {
  const found = /^a=(sendrecv|sendonly|recvonly|inactive)/m.exec(sdp)?.[1];
  return (found as Direction | undefined) ?? 'sendrecv';
}

/** The answer to an offer of this direction, from a side that would send and receive. */
export function answerTo(direction: Direction): Direction {
  switch (direction) {
    case 'sendonly':
      return 'recvonly';
    case 'recvonly':
      return 'sendonly';
    case 'sendrecv':
    case 'inactive':
      return direction;
  }
}
