/** RTCP (RFC 3550, section 6.4): the stand-in's sender reports. */

const SENDER_REPORT = 200;
const SOURCE_DESCRIPTION = 202;
const CNAME = 1;
/** Seconds between 1900 and 1970. */
const NTP_EPOCH = 2208988800;

export interface ReportBlock {
  readonly ssrc: number;
  readonly lost: number;
  readonly expected: number;
  readonly highestSequence: number;
  readonly jitter: number;
  /** Middle 32 bits of the NTP time of the last sender report, and how long ago it came. */
  readonly lastReport: { readonly ntp: number; readonly agoMs: number } | undefined;
}

/** A compound packet: sender report and CNAME. */
export function senderReport(
  sender: { readonly ssrc: number; readonly timestamp: number; readonly packets: number; readonly octets: number },
  block: ReportBlock | undefined,
  cname: string,
): Buffer {
  const report = Buffer.alloc(28 + (block === undefined ? 0 : 24));
  writeHead(report, SENDER_REPORT, block === undefined ? 0 : 1);
  const now = Date.now();
  report.writeUInt32BE(sender.ssrc, 4);
  report.writeUInt32BE((Math.floor(now / 1000) + NTP_EPOCH) >>> 0, 8);
  report.writeUInt32BE(Math.floor(((now % 1000) / 1000) * 0x100000000), 12);
  report.writeUInt32BE(sender.timestamp >>> 0, 16);
  report.writeUInt32BE(sender.packets >>> 0, 20);
  report.writeUInt32BE(sender.octets >>> 0, 24);
  if (block !== undefined) writeBlock(report.subarray(28), block);
  const text = Buffer.from(cname);
  // SSRC, one CNAME item, and at least one zero byte up to a whole word.
  const description = Buffer.alloc(4 + 4 * Math.ceil((4 + 2 + text.length + 1) / 4));
  writeHead(description, SOURCE_DESCRIPTION, 1);
  description.writeUInt32BE(sender.ssrc, 4);
  description[8] = CNAME;
  description[9] = text.length;
  text.copy(description, 10);
  return Buffer.concat([report, description]);
}

/** Middle 32 bits of the NTP time of a sender report that leads the compound packet; undefined for others. */
export function ntpOfReport(packet: Buffer): { readonly ssrc: number; readonly ntp: number } | undefined {
  if (packet.length < 28 || packet[1] !== SENDER_REPORT) return undefined;
  return { ssrc: packet.readUInt32BE(4), ntp: packet.readUInt32BE(10) };
}

function writeHead(packet: Buffer, type: number, count: number): void {
  packet[0] = 0x80 | count;
  packet[1] = type;
  packet.writeUInt16BE(packet.length / 4 - 1, 2);
}

function writeBlock(out: Buffer, block: ReportBlock): void {
  out.writeUInt32BE(block.ssrc, 0);
  // Over the whole call rather than since the last report: nothing here needs the difference.
  out[4] = block.expected === 0 ? 0 : Math.min(255, Math.floor((256 * block.lost) / block.expected));
  out.writeUIntBE(Math.min(block.lost, 0x7fffff), 5, 3);
  out.writeUInt32BE(block.highestSequence >>> 0, 8);
  out.writeUInt32BE(block.jitter >>> 0, 12);
  if (block.lastReport === undefined) return;
  out.writeUInt32BE(block.lastReport.ntp, 16);
  out.writeUInt32BE(Math.round(block.lastReport.agoMs * 65.536) >>> 0, 20);
}
