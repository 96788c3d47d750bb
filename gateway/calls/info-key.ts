/** Keys that a PBX sends by SIP INFO: `application/dtmf-relay` (Signal, Duration) and `application/dtmf` (the key alone). */
export interface InfoKey {
  readonly key: string;
  readonly durationMs: number;
}

const DEFAULT_MS = 160;
const LONGEST_MS = 8000;

/** undefined: a body of another type, or no key in it. */
export function infoKey(contentType: string | undefined, body: string): InfoKey | undefined {
  const type = (contentType ?? '').split(';')[0]?.trim().toLowerCase();
  if (type === 'application/dtmf-relay') {
    const signal = /^\s*signal\s*=\s*([0-9a-d*#]|1[0-5])\s*$/im.exec(body)?.[1];
    const duration = Number(/^\s*duration\s*=\s*(\d{1,5})\s*$/im.exec(body)?.[1] ?? DEFAULT_MS);
    return signal === undefined ? undefined : { key: keyOf(signal), durationMs: limited(duration) };
  }
  if (type === 'application/dtmf') {
    const signal = /^\s*([0-9a-d*#]|1[0-5])\s*$/i.exec(body)?.[1];
    return signal === undefined ? undefined : { key: keyOf(signal), durationMs: DEFAULT_MS };
  }
  return undefined;
}

/** Some PBXs number `*` to `D` as RFC 4733 does: 10 to 15. */
function keyOf(signal: string): string {
  return signal.length === 2 ? ('*#ABCD'[Number(signal) - 10] ?? signal) : signal.toUpperCase();
}

function limited(ms: number): number {
  return Math.min(LONGEST_MS, Math.max(40, ms));
}
