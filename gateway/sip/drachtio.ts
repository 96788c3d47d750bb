/** SipPort over drachtio-srf's requests and responses. Its dialogs are not used: they answer REFER and re-INVITE unasked. */
import { type Ground, type SipDialog } from './dialog.js';
import { createSrf, type SrfLike, type SrfRequest, type SrfResponse } from './drachtio-types.js';
import { hasTag, Incoming } from './incoming.js';
import { SipIncomingInvite } from './incoming-invite.js';
import { Link } from './link.js';
import { silentLog, type SipLog } from './log.js';
import { SipOutgoingInvite } from './outgoing-invite.js';
import { Probe } from './probe.js';
import type {
  FarEnd,
  IncomingInvite,
  IncomingRequest,
  OutgoingCall,
  OutgoingInvite,
  OutgoingObserver,
  ProbeResult,
  ProbeTarget,
  SipPort,
} from './port.js';

export interface DrachtioOptions {
  /** The SIP server's app port. */
  readonly host: string;
  readonly port: number;
  readonly secret: string;
  /** How long connect() tries before it rejects, milliseconds (default 10,000). */
  readonly connectTimeoutMs?: number;
  /** How often the server is pinged, milliseconds (default 5,000); two unanswered pings end the link. */
  readonly heartbeatMs?: number;
  readonly log?: SipLog;
}

const ALLOW = 'INVITE, ACK, CANCEL, BYE, OPTIONS';
// Asked of the server so that it hands them over instead of answering for itself: outside a dialog they get a 405 here.
const ROUTED = [
  'invite',
  'options',
  'info',
  'message',
  'notify',
  'publish',
  'refer',
  'register',
  'subscribe',
  'update',
];

export function createSipPort(options: DrachtioOptions): SipPort {
  return new DrachtioPort(options);
}

class DrachtioPort implements SipPort {
  readonly #srf: SrfLike = createSrf();
  readonly #log: SipLog;
  readonly #link: Link;
  readonly #dialogs = new Map<string, SipDialog>();
  readonly #invites = new Set<{ lost(): void }>();
  readonly #probes = new Set<Probe>();
  #onInvite: ((invite: IncomingInvite) => void) | undefined;
  #onOptions: ((request: IncomingRequest) => void) | undefined;
  #onRegister: ((request: IncomingRequest) => void) | undefined;
  #onLink: ((up: boolean) => void) | undefined;
  #embedded = false;
  #ground: Ground | undefined;

  constructor(options: DrachtioOptions) {
    this.#log = options.log ?? silentLog;
    this.#link = new Link(
      this.#srf,
      { ...options, log: this.#log },
      {
        up: (farEnd) => {
          this.#embedded = farEnd.embedded;
          this.#guard('link', () => this.#onLink?.(true));
        },
        down: () => {
          this.#loseAll();
          this.#guard('link', () => this.#onLink?.(false));
        },
      },
    );
    this.#srf.use((req, res) => {
      this.#guard(`request ${req.method}`, () => {
        this.#receive(req, res);
      });
    });
    // The handler above takes every request that arrives; these only make them arrive.
    for (const method of ROUTED) this.#srf.use(method, () => undefined);
  }

  get up(): boolean {
    return this.#link.up;
  }

  get open(): { readonly invites: number; readonly dialogs: number } {
    return { invites: this.#invites.size, dialogs: this.#dialogs.size };
  }

  onInvite(handler: (invite: IncomingInvite) => void): void {
    this.#onInvite = handler;
  }

  onOptions(handler: (request: IncomingRequest) => void): void {
    this.#onOptions = handler;
  }

  onRegister(handler: (request: IncomingRequest) => void): void {
    this.#onRegister = handler;
  }

  onLink(handler: (up: boolean) => void): void {
    this.#onLink = handler;
  }

  connect(): Promise<FarEnd> {
    return this.#link.connect();
  }

  async close(): Promise<void> {
    await this.#link.close();
    this.#loseAll();
  }

  invite(request: OutgoingInvite, observer: OutgoingObserver): OutgoingCall {
    const failLater = (detail: string): OutgoingCall => {
      let cancelled = false;
      setImmediate(() => {
        this.#guard('failed', () => {
          observer.failed(cancelled ? { kind: 'cancelled' } : { kind: 'unreachable', detail });
        });
      });
      return {
        cancel: () => {
          cancelled = true;
        },
      };
    };
    if (!this.up) return failLater('no link to the SIP server');
    try {
      const call: SipOutgoingInvite = new SipOutgoingInvite(this.#requireGround(), request, observer, () => {
        this.#invites.delete(call);
      });
      this.#invites.add(call);
      return call;
    } catch (error) {
      return failLater(error instanceof Error ? error.message : String(error));
    }
  }

  probe(target: ProbeTarget): Promise<ProbeResult> {
    if (!this.up) return Promise.resolve({ kind: 'unreachable', detail: 'no link to the SIP server' });
    const probe: Probe = new Probe(this.#requireGround(), target, () => {
      this.#probes.delete(probe);
    });
    this.#probes.add(probe);
    probe.start();
    return probe.result;
  }

  #receive(req: SrfRequest, res: SrfResponse): void {
    const dialog = req.stackDialogId === '' ? undefined : this.#dialogs.get(req.stackDialogId);
    if (req.method === 'ACK') dialog?.acked(req.msg);
    else if (dialog) dialog.handle(req, res);
    else if (req.source === 'network') this.#receiveNew(req, res);
  }

  #receiveNew(req: SrfRequest, res: SrfResponse): void {
    const ground = this.#requireGround();
    const request = new Incoming(ground.agent, req, res, this.#log);
    const { method } = req;
    if (hasTag(request.header('to') ?? '')) request.respond({ status: 481 });
    else if (method === 'INVITE' && this.#onInvite) this.#receiveInvite(ground, req, res, this.#onInvite);
    else if (method === 'OPTIONS' && this.#onOptions) this.#handOver(request, this.#onOptions);
    else if (method === 'REGISTER' && this.#onRegister) this.#handOver(request, this.#onRegister);
    else if (method === 'INVITE' || method === 'OPTIONS') request.respond({ status: 503 });
    else request.respond({ status: 405, headers: { Allow: this.#onRegister ? `${ALLOW}, REGISTER` : ALLOW } });
  }

  #handOver(request: Incoming, handler: (request: IncomingRequest) => void): void {
    const handled = this.#guard(request.method, () => {
      handler(request);
    });
    if (!handled) request.respond({ status: 500 });
  }

  #receiveInvite(ground: Ground, req: SrfRequest, res: SrfResponse, handler: (invite: IncomingInvite) => void): void {
    const invite: SipIncomingInvite = new SipIncomingInvite(ground, req, res, () => {
      this.#invites.delete(invite);
    });
    this.#invites.add(invite);
    if (
      !this.#guard('INVITE', () => {
        handler(invite);
      })
    )
      invite.respond({ status: 500 });
  }

  #requireGround(): Ground {
    if (this.#ground) return this.#ground;
    const agent = this.#srf.app.client;
    if (!agent) throw new Error('not connected');
    const isEmbedded = () => this.#embedded;
    this.#ground = {
      agent,
      log: this.#log,
      dialogs: this.#dialogs,
      get embedded() {
        return isEmbedded();
      },
      guard: (what, run) => this.#guard(what, run),
    };
    return this.#ground;
  }

  /** drachtio-srf drops its callbacks with the connection: whoever waits for one is told here. */
  #loseAll(): void {
    for (const invite of [...this.#invites]) invite.lost();
    for (const probe of [...this.#probes]) probe.lost();
    for (const dialog of [...this.#dialogs.values()]) dialog.lost();
  }

  #guard(what: string, run: () => void): boolean {
    try {
      run();
      return true;
    } catch (error) {
      this.#log.error({ err: error, what }, 'handler failed');
      return false;
    }
  }
}
