import { cseq, header, parseSipText } from './sip-text.js';

/** One SIP message of a call as it was on the wire. */
export interface LadderEntry {
  /** Milliseconds since the call began. */
  readonly atMs: number;
  /** `out`: from Meta to the gateway. */
  readonly direction: 'in' | 'out';
  readonly raw: string;
}

/** One line for a ladder entry, Meta's side on the left: `   12.3 ms  -> INVITE sip:… (1 INVITE, 1234 bytes)`. */
export function ladderLine({ atMs, direction, raw }: LadderEntry): string {
  const message = parseSipText(raw);
  const what = message?.startLine.replace(/^SIP\/2\.0 | SIP\/2\.0$/, '') ?? '(not SIP)';
  const sequence = message ? cseq(message) : undefined;
  const body = message && message.body !== '' ? `, ${header(message, 'content-type') ?? 'body'}` : '';
  const arrow = direction === 'out' ? '->' : '<-';
  return `${atMs.toFixed(1).padStart(9)} ms  ${arrow} ${what}  (${sequence ? `${sequence.number} ${sequence.method}` : '?'}${body})`;
}
