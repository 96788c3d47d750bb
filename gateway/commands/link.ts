import { writeFile } from 'node:fs/promises';
import { callLink, LinkError, qrLines, qrPng } from '../whatsapp/messages/link.js';
import { EXIT, parse, UsageError } from './command.js';
import type { Command } from './command.js';

export const command: Command = {
  help: `Usage: wa-trunk link NUMBER [--payload TEXT] [--png FILE]

Prints the link that calls a business number from WhatsApp on a phone, and its QR code. Nothing is asked of Meta.

      --payload TEXT   told to the PBX with the call (X-WA-Deeplink-Payload), at most 512 characters
      --png FILE       writes the QR code to this file, too`,

  async run(args, io) {
    const { values, positionals } = parse(args, { payload: { type: 'string' }, png: { type: 'string' } }, true);
    const [number, ...more] = positionals;
    if (number === undefined) throw new UsageError('NUMBER is missing, such as +15551234567');
    if (more.length > 0) throw new UsageError(`unexpected argument '${more[0] ?? ''}'`);
    const link = linkOf(number, values.payload);
    if (values.png !== undefined) await writeFile(values.png, await qrPng(link));
    io.out(link);
    for (const line of qrLines(link)) io.out(line);
    return EXIT.good;
  },
};

function linkOf(number: string, payload: string | undefined): string {
  try {
    return callLink(number, payload);
  } catch (error) {
    throw error instanceof LinkError ? new UsageError(error.message) : error;
  }
}
