import { setTimeout as delay } from 'node:timers/promises';
import { Call, type CallHost, type CallOptions } from './call.js';
import type { Exchange } from './exchange.js';
import { openLink, type GatewayAddress, type LinkTls } from './link.js';
import { Links } from './links.js';
import { listen, type Listener, type ListenOptions } from './listener.js';
import { probe } from './probe.js';
import type { SipRuleId, Violation } from './rules-used.js';
import type { SipSocket, SipSocketEvents } from './sip-socket.js';
import { header, parseSipText, statusOf } from './sip-text.js';
import { answerStray } from './stray.js';

const LINGER_MS = 1000;

export interface MetaEdgeOptions {
  readonly gateway: GatewayAddress;
  readonly tls?: LinkTls;
  /** Without it the gateway cannot connect to the stand-in. */
  readonly listen?: ListenOptions;
  /** How long an ended call still answers late messages, in ms; default 1000. */
  readonly lingerMs?: number;
}

/** Starts Meta's SIP edge: nothing is sent yet. Rejects if the listening address cannot be had. */
export async function startMetaEdge(options: MetaEdgeOptions): Promise<MetaEdge> {
  const edge = new MetaEdge(options);
  if (options.listen) await edge.listen(options.listen);
  return edge;
}

/** Meta's SIP edge: places calls of WhatsApp users to the gateway and takes note of Meta's rules that it breaks. */
export class MetaEdge {
  readonly #violations: Violation[] = [];
  readonly #exchanges = new Map<string, Exchange>();
  readonly #calls = new Set<Call>();
  readonly #lingering = new Map<Call, NodeJS.Timeout>();
  readonly #started = performance.now();
  readonly #events: SipSocketEvents & { report: (rule: SipRuleId, detail: string) => void };
  readonly #links: Links;
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
    this.#calls.add(call);
    this.#exchanges.set(call.id.callId, call.exchange);
    call.start();
    return call;
  }

  /** Sends OPTIONS; resolves with the status, 408 or 503 if none came. */
  async probe(): Promise<number> {
    return probe({
      hostname: this.options.gateway.hostname,
      send: (raw) => this.#links.send(raw),
      report: (rule, detail) => this.#note(rule, detail),
      enter: (exchange) => this.#exchanges.set(exchange.id.callId, exchange),
      leave: (exchange) => this.#exchanges.delete(exchange.id.callId),
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

  /** Loses every link to the gateway; calls go on and the next request opens another. */
  dropLinks(): void {
    this.#links.drop();
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
    this.#exchanges.clear();
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
    const exchange = this.#exchanges.get(callId);
    if (exchange) exchange.receive(raw, text, from);
    // A late response to a call that is gone needs no answer.
    else if (statusOf(text) === undefined) answerStray(text, from, (rule, detail) => this.#note(rule, detail));
  }

  #linger(call: Call): void {
    this.#calls.delete(call);
    const forget = (): void => {
      this.#lingering.delete(call);
      this.#exchanges.delete(call.id.callId);
      call.exchange.close();
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
