/** The Graph API under the test's hand. */
import {
  GraphError,
  type Graph,
  type GraphObject,
  type GraphOptions,
  type Query,
} from '../../gateway/whatsapp/graph/port.js';
import type { GraphFault } from '../../gateway/whatsapp/graph/errors.js';

export interface Asked {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly query?: Query;
  readonly body?: GraphObject;
}

type Reply = (asked: Asked) => GraphObject | Promise<GraphObject>;

export class FakeGraph implements Graph {
  readonly asked: Asked[] = [];
  reply: Reply = () => ({});

  get(path: string, query: Query = {}, _options?: GraphOptions): Promise<GraphObject> {
    return this.#answer({ method: 'GET', path, query });
  }

  post(path: string, body: GraphObject, _options?: GraphOptions): Promise<GraphObject> {
    return this.#answer({ method: 'POST', path, body });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #answer(asked: Asked): Promise<GraphObject> {
    this.asked.push(asked);
    return this.reply(asked);
  }
}

export function graphError(fault: Partial<GraphFault> = {}): GraphError {
  return new GraphError({ kind: 'unreachable', message: 'Graph cannot be reached', ...fault });
}

/** Resolves when the test says so. */
export function gate<T>(): { readonly promise: Promise<T>; open(value: T): void } {
  let open: (value: T) => void = () => undefined;
  const promise = new Promise<T>((resolve) => (open = resolve));
  return { promise, open };
}

/** Looks again and again, for what happens in the background; the test's own limit of time ends it otherwise. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}
