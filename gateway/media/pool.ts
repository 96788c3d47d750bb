import type { MediaConfig } from '../config/types.js';
import type { Log } from './log.js';
import { NgRefusal, NgTimeout } from './ng/client.js';
import { Node, ROUND_MS } from './node.js';
import { MediaFailure } from './port.js';

/** The rtpengine nodes: the least busy that answers comes first, the next one when it fails. */
export class Pool {
  readonly #nodes: readonly Node[];
  readonly #log: Log;

  constructor(config: MediaConfig, options: { readonly log: Log; readonly roundMs?: number }) {
    this.#log = options.log;
    const { log, roundMs = ROUND_MS } = options;
    this.#nodes = config.rtpengine.map((node) => new Node(node, { timeoutMs: config.commandTimeoutMs, roundMs, log }));
  }

  /**
   * Tries nodes in turn until one serves the call. A node that stays silent may have made the session all the same:
   * it is deleted there once the node answers.
   *
   * @param attempt opens the session on one node; it may throw NgTimeout or NgRefusal for the next one to be tried
   * @throws MediaFailure 'full' when every node that answers is full, 'unavailable' when none serves
   */
  async firstThatServes<T>(callId: string, attempt: (node: Node) => Promise<T>): Promise<T> {
    const failures: Error[] = [];
    for (const node of this.#inTurn()) {
      try {
        return await attempt(node);
      } catch (error) {
        if (!(error instanceof NgTimeout) && !(error instanceof NgRefusal)) throw error;
        failures.push(error);
        this.#log.warn({ node: node.name, callId, error: error.message }, 'rtpengine did not take a call');
        if (error instanceof NgTimeout) void node.delete(callId);
      }
    }
    const full = failures.length > 0 && failures.every((f) => f instanceof NgRefusal && f.full);
    throw new MediaFailure(
      full ? 'full' : 'unavailable',
      full ? 'every rtpengine is full' : `no rtpengine serves: ${failures.map((f) => f.message).join('; ')}`,
    );
  }

  /** At least one node answers. */
  get answers(): boolean {
    return this.#nodes.some((node) => node.answers);
  }

  get states(): readonly { readonly name: string; readonly up: boolean }[] {
    return this.#nodes.map(({ name, answers }) => ({ name, up: answers }));
  }

  async deleteOrphans(isOrphan: (callId: string) => boolean): Promise<number> {
    const deleted = await Promise.all(this.#nodes.map((node) => node.deleteOrphans(isOrphan)));
    return deleted.reduce((sum, n) => sum + n, 0);
  }

  close(): void {
    for (const node of this.#nodes) node.close();
  }

  /** Silent nodes come last: they are tried only when all others have failed. */
  #inTurn(): Node[] {
    const weight = (node: Node): number => (node.answers ? 0 : 1e9) + node.sessions;
    return [...this.#nodes].sort((a, b) => weight(a) - weight(b));
  }
}
