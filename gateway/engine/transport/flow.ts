import type { Endpoint, Transport } from '../types.js';
import type { Listener } from './listener.js';

/** A way to one peer: a UDP socket with a remote address, or a connection. */
export interface Flow {
  readonly transport: Transport;
  /** No retransmissions are needed (TCP, TLS). */
  readonly reliable: boolean;
  readonly remote: Endpoint;
  readonly local: Endpoint;
  /** The listener whose advertised address stands in Via and Contact. */
  readonly listener: Listener;
  readonly closed: boolean;
  /** Queues while connecting; lost when closed (watchers are told). */
  send(text: string): void;
  /**
   * Calls `onLost` once when the connection is lost or cannot be made, or when the port of a UDP peer that has not answered
   * is found closed. @returns the function that ends the watch; it may be called again.
   */
  watch(onLost: (loss: FlowLoss) => void): () => void;
  /** A dialog lives on this flow: it is not idle. */
  hold(): void;
  release(): void;
}

export interface FlowLoss {
  /** Was the connection up before? Otherwise it never came about. */
  readonly established: boolean;
  readonly reason: string;
}

/** What transports hand to the layer above. */
export interface FlowEvents {
  message(text: string, flow: Flow): void;
  oversize(head: string, flow: Flow): void;
  /** A message that cannot be framed: to be answered 400 where possible. */
  unframed(head: string, flow: Flow): void;
}
