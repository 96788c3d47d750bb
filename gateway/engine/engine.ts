import { Apps } from './app/apps.js';
import { Counters } from './counters.js';
import { Dialogs } from './dialog/dialogs.js';
import { refuseStateless } from './core/stateless.js';
import { UserAgentClient } from './core/uac.js';
import { UserAgentServer } from './core/uas.js';
import { checkResponse } from './sip/check.js';
import { parseMessage } from './sip/message.js';
import { hostPort } from './sip/uri.js';
import { TargetResolver } from './transport/resolver.js';
import { Transports } from './transport/transports.js';
import { DEFAULT_LIMITS, DEFAULT_TIMERS } from './types.js';
import type { AppConnection, Reply, SipCommand } from './app/app-connection.js';
import type { Context } from './core/context.js';
import type { Flow } from './transport/flow.js';
import type { Engine, EngineLog, EngineOptions, EngineStats, ListenAddress } from './types.js';

const VERSION = 'v0.9.10-wa-trunk-embedded';

/** The longest wait of an INVITE from one provisional response to the next (ms): Timer C of RFC 3261 section 16.6. */
const TIMER_C = 180_000;

const SILENT: EngineLog = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** The embedded SIP server: sockets below, apps above, the user agent between them. */
export class SipEngine implements Engine {
  readonly #options: EngineOptions;
  readonly #log: EngineLog;
  readonly #counters: Counters;
  readonly #dialogs = new Dialogs<AppConnection>();
  #transports!: Transports;
  #apps!: Apps;
  #client!: UserAgentClient;
  #server!: UserAgentServer;
  #closing: Promise<void> | undefined;

  private constructor(options: EngineOptions) {
    this.#options = options;
    this.#log = options.log ?? SILENT;
    this.#counters = new Counters(this.#log);
  }

  static async start(options: EngineOptions): Promise<SipEngine> {
    const engine = new SipEngine(options);
    await engine.#start();
    return engine;
  }

  get adminPort(): number {
    return this.#apps.port;
  }

  get addresses(): readonly ListenAddress[] {
    const { listeners } = this.#transports;
    return this.#options.listen.map((configured) => {
      const bound = listeners.find((l) => l.configured === configured);
      return { ...configured, port: bound?.port ?? configured.port };
    });
  }

  stats(): EngineStats {
    const { received, sent, retransmissions, drops } = this.#counters;
    return {
      transactions: { client: this.#client.transactions, server: this.#server.transactions },
      dialogs: this.#dialogs.size,
      connections: this.#transports.connections,
      apps: this.#apps.size,
      received: { ...received },
      sent: { ...sent },
      retransmissions: { ...retransmissions },
      drops,
    };
  }

  renewCertificate(): Promise<void> {
    return this.#transports.renewCertificate();
  }

  close(): Promise<void> {
    this.#closing ??= Promise.resolve().then(() => this.#close());
    return this.#closing;
  }

  async #start(): Promise<void> {
    const options = this.#options;
    const timers = { ...DEFAULT_TIMERS, ...options.timers };
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#transports = await Transports.start(options, timers, limits, {
      events: {
        message: (text, flow) => {
          this.#receive(text, flow);
        },
        oversize: (head, flow) => {
          this.#refuse(head, flow, 413, 'Request Entity Too Large');
        },
        unframed: (head, flow) => {
          this.#refuse(head, flow, 400, 'Missing or malformed Content-Length');
        },
      },
      sent: (text, flow) => {
        this.#sent(text, flow);
      },
      drop: (reason, remote, detail) => {
        this.#counters.drop(reason, remote, detail);
      },
      log: this.#log,
    });
    try {
      this.#apps = await Apps.start(options.admin, {
        secret: options.admin.secret,
        welcome: () => this.#welcome(),
        sip: (command, app, reply) => {
          this.#command(command, app, reply);
        },
        closed: (app, reason) => {
          this.#appGone(app, reason);
        },
      });
    } catch (error) {
      await this.#transports.close();
      throw error;
    }
    const context: Context = {
      transports: this.#transports,
      resolver: new TargetResolver(options.resolver, (t) => this.#transports.speaks(t), timers.connectTimeout),
      apps: this.#apps,
      dialogs: this.#dialogs,
      counters: this.#counters,
      timers,
      limits,
      env: { timers, limit: TIMER_C },
      nextHop: options.nextHop,
      log: this.#log,
    };
    this.#client = new UserAgentClient(context);
    this.#server = new UserAgentServer(context, (dialog, reason) => {
      this.#client.end(dialog, reason);
    });
  }

  async #close(): Promise<void> {
    this.#client.close();
    this.#server.close();
    await this.#apps.close();
    await this.#transports.close();
  }

  #welcome(): string {
    const all = this.#transports.listeners;
    const local = all.map((l) => `${l.transport}/${hostPort(l.host, l.port)}`).join(',');
    const contacts = all.map((l) => `${l.transport}/${l.sentBy(l.host)}`).join(',');
    return `OK|${contacts}|${VERSION}|${local}`;
  }

  #receive(text: string, flow: Flow): void {
    if (this.#options.trace) this.#trace('in', text, flow);
    const message = parseMessage(text);
    if (message === undefined) {
      this.#counters.drop('not-sip', flow.remote);
      return;
    }
    if (message.isRequest) {
      this.#counters.received.requests++;
      this.#server.receive(message, flow);
      return;
    }
    this.#counters.received.responses++;
    const fault = checkResponse(message);
    if (fault !== undefined) this.#counters.drop('malformed', flow.remote, fault);
    else if (!this.#client.receive(message, flow)) this.#counters.drop('unexpected-response', flow.remote);
  }

  /** Answers what is not read to its end. */
  #refuse(head: string, flow: Flow, status: number, reason: string): void {
    if (this.#options.trace) this.#trace('in', head, flow);
    this.#counters.drop(status === 413 ? 'oversize' : 'unframed', flow.remote);
    const message = parseMessage(head);
    if (message !== undefined) refuseStateless(message, flow, { status, reason });
  }

  #sent(text: string, flow: Flow): void {
    if (text.startsWith('SIP/2.0')) this.#counters.sent.responses++;
    else this.#counters.sent.requests++;
    if (this.#options.trace) this.#trace('out', text, flow);
  }

  #trace(direction: 'in' | 'out', text: string, flow: Flow): void {
    const { transport, local, remote } = flow;
    // Inside the engine text is latin1; readers want UTF-8.
    const raw = Buffer.from(text, 'latin1').toString('utf8');
    this.#options.trace?.({ direction, transport, local, remote, at: Date.now(), raw });
  }

  #command(command: SipCommand, app: AppConnection, reply: Reply): void {
    const message = parseMessage(command.text);
    if (message === undefined || message.fault !== undefined) {
      reply(`NOK|malformed SIP message: ${message?.fault ?? 'no start line'}`);
      return;
    }
    if (!message.isRequest) {
      this.#server.respond(message, command.transaction, reply);
      return;
    }
    if (message.method === 'CANCEL') {
      this.#client.cancel(message, command.transaction, reply);
      return;
    }
    if (command.dialog === '') {
      this.#client.send(message, command.proxy, app, reply);
      return;
    }
    const dialog = this.#dialogs.byId(command.dialog);
    if (dialog === undefined) reply(`NOK|unable to find dialog for dialog id provided: ${command.dialog}`);
    else if (message.method === 'ACK') this.#client.ack(message, dialog, reply);
    else this.#client.sendInDialog(message, dialog, command.proxy, app, reply);
  }

  /** Nobody can control the calls of an app that is gone: they are ended. */
  #appGone(app: AppConnection, reason: string): void {
    if (this.#closing !== undefined || !app.authenticated) return;
    const dialogs = this.#dialogs.ownedBy(app).filter((dialog) => dialog.state === 'confirmed');
    this.#log.warn({ reason, dialogs: dialogs.length }, 'app connection lost');
    this.#server.appGone(app);
    this.#client.appGone(app);
    for (const dialog of dialogs) this.#client.end(dialog, 'Application gone');
  }
}

/**
 * Starts the embedded SIP server.
 * @throws (rejects) when a port cannot be bound or a certificate not read; the text names it.
 */
export function startEngine(options: EngineOptions): Promise<Engine> {
  return SipEngine.start(options);
}
