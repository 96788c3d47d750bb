/** The media of a gateway in a process of its own: what it costs can then be told from what measuring it costs. */
import { type ChildProcess, fork } from 'node:child_process';
import { createMedia } from '../../gateway/media/index.js';
import type {
  BusinessCallMedia,
  BusinessCallMediaSession,
  MediaPort,
  MediaSession,
  UserCallMedia,
} from '../../gateway/media/port.js';
import type { RemoteBusinessCall } from './business-gate.js';

type Request =
  | { readonly do: 'open'; readonly call: Omit<UserCallMedia, 'onLost' | 'signal'> }
  | { readonly do: 'openBusiness'; readonly call: Omit<BusinessCallMedia, 'onLost' | 'signal'> }
  | { readonly do: 'ringback'; readonly id: string }
  | { readonly do: 'pbxOffers'; readonly id: string; readonly sdp: string }
  | { readonly do: 'sendKey'; readonly id: string; readonly key: string; readonly durationMs: number }
  | { readonly do: 'answer'; readonly id: string; readonly sdp: string }
  | { readonly do: 'start'; readonly id: string }
  | { readonly do: 'close'; readonly id: string }
  | { readonly do: 'cpu' };
type Reply = { readonly ok: unknown } | { readonly error: string };

/** What a gate drives: one call's media, wherever it is. */
export interface RemoteCall {
  readonly pbxOffer: string;
  answer(sdp: string): Promise<string>;
  start(): Promise<void>;
  close(): Promise<void>;
}

export class MediaProcess {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  #next = 1;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on('message', ({ id, reply }: { id: number; reply: Reply }) => {
      this.#waiting.get(id)?.(reply);
      this.#waiting.delete(id);
    });
  }

  /** @param ngPort of an rtpengine on 127.0.0.1 */
  static start(ngPort: number): MediaProcess {
    const file = new URL(import.meta.url);
    const child = fork(file, [CHILD, String(ngPort)], { execArgv: process.execArgv });
    return new MediaProcess(child);
  }

  async open(call: Omit<UserCallMedia, 'onLost' | 'signal'>): Promise<RemoteCall> {
    const pbxOffer = (await this.#ask({ do: 'open', call })) as string;
    const { id } = call;
    return {
      pbxOffer,
      answer: async (sdp) => (await this.#ask({ do: 'answer', id, sdp })) as string,
      start: async () => void (await this.#ask({ do: 'start', id })),
      close: async () => void (await this.#ask({ do: 'close', id })),
    };
  }

  async openBusiness(call: Omit<BusinessCallMedia, 'onLost' | 'signal'>): Promise<RemoteBusinessCall> {
    const whatsappOffer = (await this.#ask({ do: 'openBusiness', call })) as string;
    const { id } = call;
    return {
      whatsappOffer,
      ringback: async () => (await this.#ask({ do: 'ringback', id })) as string,
      answer: async (sdp) => (await this.#ask({ do: 'answer', id, sdp })) as string,
      start: async () => void (await this.#ask({ do: 'start', id })),
      pbxOffers: async (sdp) => (await this.#ask({ do: 'pbxOffers', id, sdp })) as string,
      sendKey: async (key, durationMs) => void (await this.#ask({ do: 'sendKey', id, key, durationMs })),
      close: async () => void (await this.#ask({ do: 'close', id })),
    };
  }

  /** CPU time so far, ms, all threads. */
  async cpuMs(): Promise<number> {
    return (await this.#ask({ do: 'cpu' })) as number;
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.disconnect();
    await ended;
  }

  async #ask(request: Request): Promise<unknown> {
    const id = this.#next++;
    const reply = await new Promise<Reply>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#child.send({ id, request });
    });
    if ('error' in reply) throw new Error(reply.error);
    return reply.ok;
  }
}

const CHILD = 'media-process-child';

async function runChild(ngPort: number): Promise<void> {
  const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined };
  const node = { host: '127.0.0.1', port: ngPort, ipv6: false, relayAddress: '127.0.0.1' };
  const media = createMedia({ rtpengine: [node], commandTimeoutMs: 2000 }, { instance: 'gate', log: silent });
  const sessions: Sessions = new Map();
  process.on('message', ({ id, request }: { id: number; request: Request }) => {
    void serve(media, sessions, request).then(
      (ok) => process.send?.({ id, reply: { ok } }),
      (error: unknown) => process.send?.({ id, reply: { error: String(error) } }),
    );
  });
  await new Promise((resolve) => process.once('disconnect', resolve));
  await media.close();
}

type Sessions = Map<string, MediaSession | BusinessCallMediaSession>;

async function serve(media: MediaPort, sessions: Sessions, request: Request): Promise<unknown> {
  switch (request.do) {
    case 'open': {
      const signal = new AbortController().signal;
      const session = await media.openUserCall({ ...request.call, onLost: () => undefined, signal });
      sessions.set(request.call.id, session);
      return session.pbxOffer;
    }
    case 'openBusiness': {
      const signal = new AbortController().signal;
      const session = await media.openBusinessCall({ ...request.call, onLost: () => undefined, signal });
      sessions.set(request.call.id, session);
      return session.whatsappOffer;
    }
    case 'ringback': {
      const session = sessions.get(request.id);
      return session !== undefined && 'ringback' in session ? session.ringback() : undefined;
    }
    case 'pbxOffers':
      return sessions.get(request.id)?.pbxOffers(request.sdp);
    case 'sendKey':
      return sessions.get(request.id)?.sendKey(request.key, request.durationMs);
    case 'answer':
      return sessions.get(request.id)?.answer(request.sdp);
    case 'start':
      return sessions.get(request.id)?.start();
    case 'close':
      return void (await sessions.get(request.id)?.close());
    case 'cpu': {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1000;
    }
  }
}

if (process.argv[2] === CHILD) await runChild(Number(process.argv[3]));
