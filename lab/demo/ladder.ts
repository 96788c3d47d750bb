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

/** The Call-IDs of a call. */
export interface Legs {
  readonly meta: string;
  readonly pbx: ReadonlySet<string>;
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

  /** A call of a WhatsApp user: the PBX leg is found by its X-WA-Wacid header. */
  userCall(wacid: string): Legs {
    const meta = `outgoing:${wacid}`;
    return { meta, pbx: this.#callIds((m) => headerOf(m.message, 'X-WA-Wacid') === wacid && m.callId !== meta) };
  }

  /** A call of the business: the PBX leg is found by the user, whom nobody else calls. */
  businessCall(meta: string, user: string): Legs {
    const dials = (m: Message): boolean => m.direction === 'in' && m.message.startsWith(`INVITE sip:${user}@`);
    return { meta, pbx: this.#callIds(dials) };
  }

  /** From the SDP between gateway and PBX: where the gateway sends from, and the codec that was agreed. */
  pbxMedia({ pbx }: Legs): { readonly gatewayPort: number | undefined; readonly codec: string | undefined } {
    const own = this.#messages.filter((m) => pbx.has(m.callId) && m.message.includes('m=audio '));
    const port = audioOf(own.find((m) => m.direction === 'out'))?.port;
    return { gatewayPort: port, codec: audioOf(own.find((m) => m.message.startsWith('SIP/2.0 200')))?.codec };
  }

  draw({ meta, pbx }: Legs): string[] {
    const own = this.#messages.filter((m) => m.callId === meta || pbx.has(m.callId));
    const start = own[0]?.at ?? 0;
    const lines = own.map((m) => row(m, m.callId === meta ? 'meta' : 'pbx', m.at - start));
    return [`${'ms'.padStart(8)}   ${'Meta'.padEnd(WIDTH)}   wa-trunk   ${'PBX'.padStart(WIDTH)}`, ...lines];
  }

  #callIds(ofCall: (message: Message) => boolean): ReadonlySet<string> {
    return new Set(this.#messages.filter(ofCall).map(({ callId }) => callId));
  }
}

/** The port of the SDP and its best codec, by the name that the report gives it. */
function audioOf(message: Message | undefined): { readonly port: number; readonly codec: string } | undefined {
  const [, port, type] = /^m=audio (\d+) \S+ (\d+)/m.exec(message?.message ?? '') ?? [];
  if (message === undefined || port === undefined) return undefined;
  const named = new RegExp(`^a=rtpmap:${type} ([\\w-]+)/`, 'm').exec(message.message)?.[1];
  return { port: Number(port), codec: (named ?? (type === '8' ? 'PCMA' : `type ${type}`)).toLowerCase() };
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
