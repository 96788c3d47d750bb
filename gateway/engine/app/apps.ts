import { createServer, type Server } from 'node:net';
import { AppConnection, type AppConnectionHooks } from './app-connection.js';
import { hostPort } from '../sip/uri.js';

/** The admin port and the apps connected to it. */
export class Apps {
  readonly #server: Server;
  readonly #hooks: AppConnectionHooks;
  readonly #apps = new Set<AppConnection>();
  #next = 0;

  private constructor(server: Server, hooks: AppConnectionHooks) {
    this.#server = server;
    this.#hooks = {
      ...hooks,
      closed: (app, reason) => {
        this.#apps.delete(app);
        hooks.closed(app, reason);
      },
    };
    server.on('connection', (socket) => {
      this.#apps.add(new AppConnection(socket, this.#hooks));
    });
  }

  /** Listens; rejects when the port cannot be had. */
  static async start(admin: { host: string; port: number }, hooks: AppConnectionHooks): Promise<Apps> {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      const failed = (cause: Error): void => {
        reject(
          new Error(`cannot listen on admin port ${hostPort(admin.host, admin.port)}: ${cause.message}`, { cause }),
        );
      };
      server.once('error', failed);
      server.listen(admin.port, admin.host, () => {
        server.off('error', failed);
        resolve();
      });
    });
    return new Apps(server, hooks);
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  get size(): number {
    return [...this.#apps].filter((app) => app.authenticated).length;
  }

  /** The next app, in turn, that takes the method; `'none'` when there is no app at all, `'unrouted'` when none takes it. */
  take(method: string): AppConnection | 'none' | 'unrouted' | 'congested' {
    const ready = [...this.#apps].filter((app) => app.authenticated && !app.closed);
    if (ready.length === 0) return 'none';
    const willing = ready.filter((app) => app.verbs.has(method));
    if (willing.length === 0) return 'unrouted';
    return willing[this.#next++ % willing.length]?.congested === false
      ? (willing[(this.#next - 1) % willing.length] ?? 'none')
      : (willing.find((app) => !app.congested) ?? 'congested');
  }

  /** Methods that some app takes. */
  methods(): string[] {
    return [...new Set([...this.#apps].flatMap((app) => [...app.verbs]))].filter((verb) => !verb.includes(':'));
  }

  close(): Promise<void> {
    for (const app of this.#apps) app.close('engine closed');
    return new Promise((resolve) => {
      this.#server.close(() => {
        resolve();
      });
    });
  }
}
