/** Draws a call's SIP ladder, Meta on the left, the gateway in the middle, the PBX on the right, from the gateway's trace. */

/** One line of the gateway's SIP trace (logging.sipTrace). */
export interface TraceLine {
  /** ISO 8601. */
  readonly time: string;
  readonly direction: 'in' | 'out';
  readonly transport: string;
  readonly message: string;
}

interface Message extends TraceLine {
  readonly at: number;
  readonly callId: string;
}

export class Ladders {
  readonly #messages: Message[];

  constructor(lines: readonly TraceLine[]) {
    this.#messages = lines.map((line) => ({
      ...line,
      at: Date.parse(line.time),
      callId: headerOf(line.message, 'Call-ID') ?? '',
    }));
  }

  /** The RTP port that the gateway offered to the PBX in this call. */
  offeredPort(wacid: string): number | undefined {
    const invite = this.#messages.find(
      (m) => m.direction === 'out' && m.message.startsWith('INVITE ') && headerOf(m.message, 'X-WA-Wacid') === wacid,
    );
    const port = /^m=audio (\d+)/m.exec(invite?.message ?? '')?.[1];
    return port === undefined ? undefined : Number(port);
  }

  /** @param wacid Meta's id of the call; the PBX leg is found by its X-WA-Wacid header */
  draw(wacid: string): string[] {
    const metaCallId = `outgoing:${wacid}`;
    const pbxCallIds = new Set(
      this.#messages
        .filter((m) => headerOf(m.message, 'X-WA-Wacid') === wacid && m.callId !== metaCallId)
        .map((m) => m.callId),
    );
    const own = this.#messages.filter((m) => m.callId === metaCallId || pbxCallIds.has(m.callId));
    const start = own[0]?.at ?? 0;
    const lines = own.map((m) => row(m, m.callId === metaCallId ? 'meta' : 'pbx', m.at - start));
    return [`${'ms'.padStart(8)}   ${'Meta'.padEnd(WIDTH)}   wa-trunk   ${'PBX'.padStart(WIDTH)}`, ...lines];
  }
}

const WIDTH = 38;

function row(message: Message, side: 'meta' | 'pbx', ms: number): string {
  const text = label(message.message).slice(0, WIDTH - 8);
  const rightward = (side === 'meta') === (message.direction === 'in');
  const line = text.padEnd(WIDTH - 4, '─');
  const arrow = rightward ? `── ${line}▶` : `◀─ ${line}─`;
  const empty = ' '.repeat(WIDTH);
  const time = ms.toFixed(0).padStart(8);
  return side === 'meta' ? `${time}   ${arrow}    │     ${empty}` : `${time}   ${empty}    │     ${arrow}`;
}

/** `INVITE sip:…`, `200 OK (INVITE)`, with a mark where a body travels. */
function label(raw: string): string {
  const first = raw.slice(0, Math.max(raw.indexOf('\r\n'), 0));
  const sdp = /^v=0/m.test(raw) ? ' +SDP' : '';
  const response = /^SIP\/2\.0 (\d{3} .*)$/.exec(first)?.[1];
  if (response === undefined) return `${first.split(' ')[0] ?? ''}${sdp} `;
  const method = headerOf(raw, 'CSeq')?.split(' ')[1] ?? '';
  return `${response} (${method})${sdp} `;
}

function headerOf(raw: string, name: string): string | undefined {
  const end = raw.indexOf('\r\n\r\n');
  const head = end < 0 ? raw : raw.slice(0, end);
  const match = new RegExp(`^${name}\\s*:\\s*(.*)$`, 'im').exec(head);
  return match?.[1]?.trim();
}
