/** What Asterisk received, packet by packet, from its log with `rtp set debug on`. */

export interface ReceivedRtp {
  readonly packets: number;
  readonly loss: number;
  readonly largestGapMs: number | null;
  /** ms since the epoch. */
  readonly firstAt: number | null;
}

const LINE =
  /^\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3})\].*Got\s+RTP packet from\s+127\.0\.0\.1:(\d+) \(type (\d+), seq (\d+), ts \d+, len (\d+)\)/gm;

/** Packets by the port they came from, which is the one in the gateway's offer of that call. */
export function readRtpLog(log: string): ReadonlyMap<number, ReceivedRtp> {
  const byPort = new Map<number, { at: number; seq: number }[]>();
  for (const [, time, port, , seq] of log.matchAll(LINE)) {
    const packets = byPort.get(Number(port)) ?? [];
    packets.push({ at: Date.parse(time ?? ''), seq: Number(seq) });
    byPort.set(Number(port), packets);
  }
  return new Map([...byPort].map(([port, packets]) => [port, summary(packets)]));
}

function summary(packets: readonly { at: number; seq: number }[]): ReceivedRtp {
  const first = packets[0];
  if (first === undefined) return { packets: 0, loss: 0, largestGapMs: null, firstAt: null };
  // Sequence numbers wrap at 65,536 (RFC 3550 5.1); a demo call is far shorter than half of that.
  const offsets = packets.map(({ seq }) => ((seq - first.seq + 0x18000) % 0x10000) - 0x8000);
  const expected = Math.max(...offsets) - Math.min(...offsets) + 1;
  const gaps = packets.slice(1).map(({ at }, i) => at - (packets[i]?.at ?? at));
  return {
    packets: packets.length,
    loss: (expected - new Set(offsets).size) / expected,
    largestGapMs: gaps.length === 0 ? null : Math.max(...gaps),
    firstAt: first.at,
  };
}
