import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type PbxAnswer, PbxCall, type PbxPlan } from './pbx-call.js';
import { header, parseSip, respondTo, type SipMessage, userOf } from './sip-message.js';

export interface PbxOptions {
  /** What becomes of a call, by the caller's number. Default: answered. */
  readonly planFor?: (caller: string) => PbxPlan;
  /** From the INVITE to the 200; the 180 leaves at once. Default 20 ms. */
  readonly ringMs?: number;
  /** UDP port for RTP, written into every answer; or one for each caller, who is told the offer. */
  readonly rtpPort: number | ((caller: string, offer: string) => number);
}

/** What arrived at the PBX so far. */
export interface PbxCounts {
  /** Calls that reached it. */
  readonly invites: number;
  /** Messages that were sent more than once, by either side. */
  readonly repeats: number;
}

const BUFFER_BYTES = 4 << 20;
const REMEMBER_MS = 5000;

/** A PBX on UDP that takes PCMA, RFC 3261's user agent server with its repeats. */
export class Pbx {
  readonly #calls = new Map<string, PbxCall>();
  /** Ended calls of this and the last period: a BYE of theirs is a repeat. */
  #ended = new Set<string>();
  #endedBefore = new Set<string>();
  readonly #sweeper: NodeJS.Timeout;
  /** When the INVITE came, performance.now(), by the caller's number. */
  readonly #invitedAt = new Map<string, number>();
  #invites = 0;
  #repeats = 0;

  private constructor(
    private readonly socket: Socket,
    private readonly options: PbxOptions,
  ) {
    socket.on('message', (data, from) => this.#receive(data, from));
    this.#sweeper = setInterval(() => {
      this.#endedBefore = this.#ended;
      this.#ended = new Set();
    }, REMEMBER_MS);
  }

  static async start(options: PbxOptions): Promise<Pbx> {
    const socket = createSocket({ type: 'udp4', recvBufferSize: BUFFER_BYTES, sendBufferSize: BUFFER_BYTES });
    socket.on('error', () => undefined); // port unreachable, while the gateway is being stopped
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new Pbx(socket, options);
  }

  get port(): number {
    return this.socket.address().port;
  }

  get counts(): PbxCounts {
    return { invites: this.#invites, repeats: this.#repeats };
  }

  /** Calls that are not over. */
  get active(): number {
    return this.#calls.size;
  }

  /** When the INVITE of this caller came; asking forgets it. */
  takeInvitedAt(caller: string): number | undefined {
    const at = this.#invitedAt.get(caller);
    this.#invitedAt.delete(caller);
    return at;
  }

  /** Hangs up on a caller. */
  hangUp(caller: string): void {
    for (const call of this.#calls.values()) if (call.caller === caller) call.bye();
  }

  /** Drops what is left of all calls, without a word. */
  forget(): void {
    for (const call of this.#calls.values()) call.close();
    this.#invitedAt.clear();
  }

  async close(): Promise<void> {
    this.forget();
    clearInterval(this.#sweeper);
    const closed = once(this.socket, 'close');
    this.socket.close();
    await closed;
  }

  #receive(data: Buffer, from: RemoteInfo): void {
    const message = parseSip(data.toString('latin1'));
    const call = this.#calls.get(message.callId);
    if (call !== undefined) call.receive(message);
    else if (message.status === 0) this.#outside(message, from);
  }

  #outside(message: SipMessage, from: RemoteInfo): void {
    const send = (text: string): void => this.socket.send(text, from.port, from.address);
    switch (message.method) {
      case 'INVITE':
        return this.#begin(message, send);
      case 'ACK':
        return;
      case 'OPTIONS':
        return send(respondTo(message, '200 OK', 'pbx'));
      default:
        if (this.#ended.has(message.callId) || this.#endedBefore.has(message.callId)) this.#repeats += 1;
        return send(respondTo(message, '481 Call/Transaction Does Not Exist', 'pbx'));
    }
  }

  #begin(invite: SipMessage, send: (text: string) => void): void {
    const caller = userOf(header(invite, 'from'));
    this.#invites += 1;
    this.#invitedAt.set(caller, performance.now());
    const { planFor, ringMs = 20, rtpPort } = this.options;
    const port = typeof rtpPort === 'number' ? rtpPort : rtpPort(caller, invite.body);
    const answer: PbxAnswer = { ringMs, rtpPort: port, contact: `<sip:pbx@127.0.0.1:${this.port}>` };
    const call = new PbxCall(invite, caller, planFor?.(caller) ?? 'answer', answer, {
      send,
      repeated: () => (this.#repeats += 1),
      over: () => {
        this.#calls.delete(invite.callId);
        this.#ended.add(invite.callId);
      },
    });
    this.#calls.set(invite.callId, call);
    call.start();
  }
}
