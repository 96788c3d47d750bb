/** The call deep link of WhatsApp, and its QR code. */
import QRCode from 'qrcode';
import { MAX_PAYLOAD, payloadFault } from './payload.js';

const LINK = 'https://wa.me/call/';
/** ISO/IEC 18004: light modules around the code. */
const QUIET_ZONE = 4;
const PNG_PIXELS_A_MODULE = 8;

/** What a link cannot be made of: one sentence. */
export class LinkError extends Error {
  override readonly name = 'LinkError';
}

/**
 * `https://wa.me/call/15551234567?biz_payload=…`: a tap in WhatsApp on a phone calls the number; its desktop clients do not
 * follow it. The payload comes back in `x-wa-meta-deeplink-payload` of the INVITE.
 *
 * @param number E.164 with its `+`
 * @param payload at most 512 characters: Meta's limit for buttons, it names none for links
 * @throws LinkError
 */
export function callLink(number: string, payload?: string): string {
  if (!/^\+[1-9]\d{6,14}$/.test(number)) {
    throw new LinkError(`number: found "${number}", allowed an E.164 number with its + such as +15551234567`);
  }
  const fault = payload === undefined ? undefined : payloadFault(payload, MAX_PAYLOAD);
  if (fault !== undefined) throw new LinkError(`payload: ${fault}`);
  const query = payload === undefined ? '' : `?biz_payload=${encodeURIComponent(payload)}`;
  return `${LINK}${number.slice(1)}${query}`;
}

/** A QR code as lines for a terminal, two rows of modules each: black on white whatever the terminal's colours are. */
export function qrLines(text: string): readonly string[] {
  const { size, isDark } = modulesOf(text);
  const from = -QUIET_ZONE;
  const to = size + QUIET_ZONE;
  const lines: string[] = [];
  for (let y = from; y < to; y += 2) {
    let line = '';
    for (let x = from; x < to; x++) line += halves(isDark(x, y), isDark(x, y + 1));
    // 256 colours: 16 is black and 231 is white in every theme.
    lines.push(`\x1b[38;5;16;48;5;231m${line}\x1b[0m`);
  }
  return lines;
}

/** A QR code as a PNG file, black on white, 8 pixels a module. */
export function qrPng(text: string): Promise<Buffer> {
  return QRCode.toBuffer(text, { type: 'png', margin: QUIET_ZONE, scale: PNG_PIXELS_A_MODULE, ...CORRECTION });
}

/** A code on paper has stains. */
const CORRECTION = { errorCorrectionLevel: 'M' } as const;

function modulesOf(text: string): { readonly size: number; readonly isDark: (x: number, y: number) => boolean } {
  const { modules } = QRCode.create(text, CORRECTION);
  const inside = (i: number): boolean => i >= 0 && i < modules.size;
  return { size: modules.size, isDark: (x, y) => inside(x) && inside(y) && modules.get(y, x) === 1 };
}

function halves(top: boolean, bottom: boolean): string {
  if (top) return bottom ? '█' : '▀';
  return bottom ? '▄' : ' ';
}
