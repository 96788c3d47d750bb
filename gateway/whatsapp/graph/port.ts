/** Meta's Graph API as the rest of the room sees it. */
import type { GraphFault } from './errors.js';

export type Query = Readonly<Record<string, string>>;
/** A parsed JSON object of Meta's: read leniently, unknown fields ignored. */
export type GraphObject = Readonly<Record<string, unknown>>;

export interface GraphOptions {
  /** All tries together; default: graph.timeout. */
  readonly timeoutMs?: number;
  /** A POST that may be sent again when it is not known whether Meta took it. Default: GET and DELETE yes, POST no. */
  readonly repeatable?: boolean;
}

/** Paths without leading slash and version: `106540352242922/settings`. Every method rejects with GraphError alone. */
export interface Graph {
  get(path: string, query?: Query, options?: GraphOptions): Promise<GraphObject>;
  post(path: string, body: GraphObject, options?: GraphOptions): Promise<GraphObject>;
  /** Idempotent; open requests are given up. */
  close(): Promise<void>;
}

/** Why a request came to nothing: Meta said so, or it could not be asked. */
export class GraphError extends Error {
  override readonly name = 'GraphError';

  constructor(readonly fault: GraphFault) {
    super(fault.message);
  }
}
