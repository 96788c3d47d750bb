import { randomBytes } from 'node:crypto';
import type { MediaConfig } from '../config/types.js';
import { Conditioner } from './conditioner/conditioner.js';
import type { Log } from './log.js';
import { Pool } from './pool.js';
import { BusinessCallSession, codecOf } from './business-session.js';
import type { CallSession, SessionDeps } from './call-session.js';
import type { Node } from './node.js';
import {
  MediaFailure,
  type BusinessCallMedia,
  type BusinessCallMediaSession,
  type CallMedia,
  type MediaPort,
  type MediaSession,
  type UserCallMedia,
} from './port.js';
import { readWhatsAppOffer } from './sdp/whatsapp.js';
import { UserCallSession } from './user-session.js';

/** Long before Meta ends a call that is silent for 20 s. */
const SILENCE_MS = 5000;

export interface MediaDeps {
  /** Names this gateway among those that share the nodes; the same after a restart, or orphans stay. */
  readonly instance: string;
  readonly log: Log;
  /** How often nodes are asked for their sessions, ms; for tests. */
  readonly roundMs?: number;
  /** How long a side may be silent before `onTrouble` hears of it, ms; 5000 when not given. */
  readonly silenceMs?: number;
}

/** Media through the rtpengine nodes of `config`, with a conditioner on the PBX's side. */
export function createMedia(config: MediaConfig, deps: MediaDeps): MediaPort {
  return new Media(config, deps);
}

class Media implements MediaPort {
  readonly #pool: Pool;
  readonly #conditioner: Conditioner;
  readonly #log: Log;
  readonly #prefix: string;
  /** Distinguishes this life from an earlier one, whose sessions are orphans. */
  readonly #life = randomBytes(3).toString('hex');
  readonly #open = new Set<CallSession>();
  readonly #deps: SessionDeps;
  #closing: Promise<void> | undefined;

  constructor(config: MediaConfig, deps: MediaDeps) {
    this.#log = deps.log;
    this.#prefix = `wa-trunk/${deps.instance}/`;
    this.#pool = new Pool(config, deps);
    this.#conditioner = new Conditioner((error) =>
      this.#log.warn({ error: error.message }, 'media conditioner crashed'),
    );
    this.#deps = { conditioner: this.#conditioner, log: deps.log, silenceMs: deps.silenceMs ?? SILENCE_MS };
  }

  get sessions(): number {
    return this.#open.size;
  }

  get healthy(): boolean {
    return this.#pool.answers;
  }

  get nodes(): MediaPort['nodes'] {
    return this.#pool.states;
  }

  async openUserCall(request: UserCallMedia): Promise<MediaSession> {
    const offer = readWhatsAppOffer(request.whatsappOffer, request.keying, request.whatsappCodecs);
    return this.#openOn(request, (call, callId, node) => UserCallSession.open(call, offer, callId, node, this.#deps));
  }

  async openBusinessCall(request: BusinessCallMedia): Promise<BusinessCallMediaSession> {
    codecOf(request); // what cannot be served is no node's fault
    return this.#openOn(request, (call, callId, node) => BusinessCallSession.open(call, callId, node, this.#deps));
  }

  /** @param open may throw NgTimeout or NgRefusal for the next node to be tried */
  async #openOn<R extends CallMedia, S extends CallSession>(
    request: R,
    open: (request: R, callId: string, node: Node) => Promise<S>,
  ): Promise<S> {
    const callId = `${this.#prefix}${this.#life}/${request.id}`;
    const opening = this.#pool.firstThatServes(callId, async (node) => {
      if (request.signal.aborted) throw new MediaFailure('aborted', 'the call is gone');
      try {
        return await open({ ...request, onLost: once(request.onLost) }, callId, node);
      } catch (error) {
        if (error instanceof MediaFailure) void node.delete(callId);
        throw error;
      }
    });
    const session = await unlessAborted(opening, request.signal);
    this.#open.add(session);
    void session.closed.then(() => this.#open.delete(session));
    return session;
  }

  async deleteOrphans(): Promise<number> {
    const own = `${this.#prefix}${this.#life}/`;
    const deleted = await this.#pool.deleteOrphans((id) => id.startsWith(this.#prefix) && !id.startsWith(own));
    if (deleted > 0) this.#log.info({ deleted }, 'deleted what an earlier run left on rtpengine');
    return deleted;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#open].map((session) => session.close()));
    await this.#conditioner.close();
    this.#pool.close();
  }
}

/** Rejects as soon as the signal fires; a session that comes all the same is closed. */
async function unlessAborted<S extends CallSession>(opening: Promise<S>, signal: AbortSignal): Promise<S> {
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(new MediaFailure('aborted', 'the call went away while media was being opened'));
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
  try {
    return await Promise.race([opening, aborted]);
  } catch (error) {
    opening.then((session) => session.close()).catch(() => undefined);
    throw error;
  } finally {
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
  }
}

function once(onLost: (reason: string) => void): (reason: string) => void {
  let called = false;
  return (reason) => {
    if (called) return;
    called = true;
    onLost(reason);
  };
}
