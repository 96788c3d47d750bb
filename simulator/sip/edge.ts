import { setTimeout as delay } from 'node:timers/promises';
import type { BusinessCall } from './business/business-call.js';
import { type Arrived, BusinessDesk, type PlanOf } from './business/desk.js';
import type { BusinessNumber } from './business/number.js';
import { Call, type CallHost, type CallOptions } from './call.js';
import { openLink, type GatewayAddress, type LinkTls } from './link.js';
import { Links } from './links.js';
import { listen, type Listener, type ListenOptions } from './listener.js';
import { probe } from './probe.js';
import type { SipRuleId, Violation } from './rules-used.js';
import type { SipSocket, SipSocketEvents } from './sip-socket.js';
import { cseq, header, parameter, parseSipText, statusOf, type SipText } from './sip-text.js';
import { answerStray } from './stray.js';

const LINGER_MS = 1000;

export interface MetaEdgeOptions {
  readonly gateway: GatewayAddress;
  readonly tls?: LinkTls;
  /** Without it the gateway cannot connect to the stand-in. */
  readonly listen?: ListenOptions;
  /** How long an ended call still answers late messages, in ms; default 1000. */
  readonly lingerMs?: number;
  /** The business numbers that may call users; without them every call of the business is refused. */
  readonly numbers?: readonly BusinessNumber[];
}

/** Whatever takes the messages under one Call-ID. */
interface Receiver {
  receive(raw: string, text: SipText, from: SipSocket): void;
}

/** Starts Meta's SIP edge: nothing is sent yet. Rejects if the listening address cannot be had. */
export async function startMetaEdge(options: MetaEdgeOptions): Promise<MetaEdge> {
  const edge = new MetaEdge(options);
  if (options.listen) await edge.listen(options.listen);
  return edge;
}

/** Meta's SIP edge: places calls of WhatsApp users, takes calls of the business, and takes note of the rules it breaks. */
export class MetaEdge {
  readonly #violations: Violation[] = [];
  readonly #receivers = new Map<string, Receiver>();
  readonly #calls = new Set<Call | BusinessCall>();
  readonly #lingering = new Map<Call | BusinessCall, NodeJS.Timeout>();
  readonly #started = performance.now();
  readonly #events: SipSocketEvents & { report: (rule: SipRuleId, detail: string) => void };
  readonly #links: Links;
  readonly #desk: BusinessDesk;
  #listener: Listener | undefined;
  #closed = false;

  constructor(private readonly options: MetaEdgeOptions) {
    this.#events = {
      message: (raw, from) => {
        this.#receive(raw, from);
      },
      broken: (why) => this.#note('malformed', why),
      closed: (socket) => {
        this.#links.lost(socket);
      },
      report: (rule, detail) => this.#note(rule, detail),
    };
    this.#links = new Links((localAddress) => openLink(options.gateway, options.tls ?? {}, localAddress, this.#events));
    const host = {
      hostname: options.gateway.hostname,
      send: (raw: string) => this.#links.send(raw),
      report: (rule: SipRuleId, detail: string, callId: string) => this.#note(rule, detail, callId),
      enter: (call: BusinessCall) => {
        this.#enter(call);
      },
      over: (call: BusinessCall) => {
        this.#linger(call);
      },
    };
    this.#desk = new BusinessDesk(host, options.numbers ?? []);
  }

  /** Where the stand-in listens; undefined if it does not. */
  get address(): { readonly address: string; readonly port: number } | undefined {
    return this.#listener;
  }

  /** Every broken rule so far, those of calls included. */
  get violations(): readonly Violation[] {
    return this.#violations;
  }

  /** Calls that have not ended. */
  get activeCalls(): number {
    return this.#calls.size;
  }

  /** A WhatsApp user calls the business. Throws if the edge is closed. */
  call(options: CallOptions): Call {
    if (this.#closed) throw new Error('MetaEdge.call: the edge is closed');
    const host: CallHost = {
      hostname: this.options.gateway.hostname,
      send: (raw, localAddress) => this.#links.send(raw, localAddress),
      report: (rule, detail, callId) => this.#note(rule, detail, callId),
      over: (call) => {
        this.#linger(call);
      },
    };
    const call = new Call(options, host);
    this.#enter(call);
    call.start();
    return call;
  }

  /** What users do with calls of the business; until this is set, they have not permitted any. `arrived`: one has come. */
  onBusinessCall(planOf: PlanOf, arrived?: Arrived): void {
    this.#desk.setPlan(planOf, arrived);
  }

  /** Adds a business number, or replaces what Meta knows of it, a new password for one. */
  setNumber(number: BusinessNumber): void {
    this.#desk.setNumber(number);
  }

  /** Meta knows it no longer; calls that are under way go on. */
  removeNumber(number: string): void {
    this.#desk.removeNumber(number);
  }

  /** The next call of the business whose INVITE arrives, to this user if one is named. Rejects after `limitMs` (20 s). */
  async nextBusinessCall(to?: string, limitMs?: number): Promise<BusinessCall> {
    return this.#desk.next(to, limitMs);
  }

  /** Sends OPTIONS; resolves with the status, 408 or 503 if none came. */
  async probe(): Promise<number> {
    return probe({
      hostname: this.options.gateway.hostname,
      send: (raw) => this.#links.send(raw),
      report: (rule, detail) => this.#note(rule, detail),
      enter: (exchange) => this.#receivers.set(exchange.id.callId, exchange),
      leave: (exchange) => this.#receivers.delete(exchange.id.callId),
    });
  }

  /**
   * Sends bytes that need not be SIP on a link of their own, and waits until the gateway closes it, but `waitMs` at most.
   * Returns what came back as messages, and whether the gateway closed the link.
   */
  async sendRaw(
    bytes: string | Buffer,
    waitMs = 500,
  ): Promise<{ readonly received: string[]; readonly closed: boolean }> {
    const received: string[] = [];
    let closedByGateway!: () => void;
    const gone = new Promise<void>((resolve) => (closedByGateway = resolve));
    const events = { ...this.#events, message: (raw: string) => received.push(raw), closed: closedByGateway };
    const socket = await openLink(this.options.gateway, this.options.tls ?? {}, undefined, events).opened;
    const waited = new AbortController();
    socket.send(bytes);
    const closed = await Promise.race([gone.then(() => true), delay(waitMs, false, { signal: waited.signal })]);
    waited.abort();
    socket.close();
    return { received, closed };
  }

  /** Loses every link with the gateway, whoever opened it; calls go on and the next message opens another. */
  dropLinks(): void {
    this.#links.drop();
    this.#listener?.drop();
  }

  /** Starts to listen; called by startMetaEdge. */
  async listen(options: ListenOptions): Promise<void> {
    this.#listener = await listen(options, this.#events);
  }

  /** Ends every call without a word, closes links and listener. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    const calls = [...this.#calls];
    for (const call of calls) call.close();
    await Promise.all(calls.map((call) => call.ended));
    for (const [call, timer] of this.#lingering) {
      clearTimeout(timer);
      call.close();
    }
    this.#lingering.clear();
    this.#receivers.clear();
    this.#desk.close();
    this.#links.close();
    await this.#listener?.close();
  }

  #receive(raw: string, from: SipSocket): void {
    const text = parseSipText(raw);
    const callId = text && header(text, 'call-id');
    if (!text || callId === undefined) {
      this.#note('malformed', raw.slice(0, 80));
      return;
    }
    const receiver = this.#receivers.get(callId);
    const begins = cseq(text)?.method === 'INVITE' && parameter(header(text, 'to') ?? '', 'tag') === undefined;
    if (receiver) receiver.receive(raw, text, from);
    // A late response to a call that is gone needs no answer.
    else if (statusOf(text) !== undefined) return;
    else if (begins) this.#desk.take(raw, text, from);
    else answerStray(text, from, (rule, detail) => this.#note(rule, detail));
  }

  #enter(call: Call | BusinessCall): void {
    this.#calls.add(call);
    this.#receivers.set(call.id.callId, call);
  }

  #linger(call: Call | BusinessCall): void {
    this.#calls.delete(call);
    const forget = (): void => {
      this.#lingering.delete(call);
      this.#receivers.delete(call.id.callId);
      call.close();
    };
    if (this.#closed) forget();
    else this.#lingering.set(call, setTimeout(forget, this.options.lingerMs ?? LINGER_MS));
  }

  #note(rule: SipRuleId, detail: string, callId?: string): Violation {
    const atMs = performance.now() - this.#started;
    const violation = { rule, detail, atMs, ...(callId !== undefined && { callId }) };
    this.#violations.push(violation);
    return violation;
  }
}
