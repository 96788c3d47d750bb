/** The part of drachtio-srf 5.0.29 that is used here, in types of our own: its published ones do not fit its behaviour. */
import type { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import DrachtioSrf from 'drachtio-srf';

/** Failures come as an Error or as the server's own words. */
export type SrfError = Error | string | null | undefined;

export interface SrfMessage {
  /** Lower case except names beginning with `X-` or `P-`, which stay as received. Equal names joined by commas. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** The text it was read from: every header line by itself. */
  readonly raw?: string;
}

/** Sends the ACK of a 2xx; given with each response. */
export type SrfAck = (options?: { headers?: Record<string, string>; body?: string }) => void;

export interface SrfRequest extends EventEmitter {
  readonly msg: SrfMessage;
  readonly method: string;
  readonly uri: string;
  readonly source: 'network' | 'application';
  readonly source_address: string;
  readonly source_port: number;
  readonly protocol: string;
  readonly receivedOn?: string;
  readonly stackTxnId: string;
  /** Empty outside a dialog. */
  readonly stackDialogId: string;
  readonly socket: Socket;
  /** Only for a request of ours. The callback tells that the CANCEL was taken over, not that it was answered. */
  cancel(options: { headers?: Record<string, string> }, callback: (error?: SrfError) => void): void;
}

export interface SrfResponse {
  readonly msg: SrfMessage;
  status: number;
  reason: string;
  readonly source_address: string;
  readonly source_port: number;
  readonly protocol: string;
  readonly stackDialogId: string;
  readonly socket: Socket;
  readonly req: SrfRequest;
}

export interface SrfRequestOptions {
  method: string;
  uri?: string;
  proxy?: string;
  headers?: Record<string, string>;
  body?: string;
  stackDialogId?: string;
  _socket?: Socket;
}

/** drachtio-srf's client of the app protocol. */
export interface SrfAgent {
  readonly wp: SrfWire;
  /** Per connection; only there while it is up. */
  readonly mapServer: ReadonlyMap<
    Socket,
    { readonly pendingRequests: Map<string, (token: readonly string[]) => void> }
  >;
  /** Throws when there is no connection. */
  request(options: SrfRequestOptions, callback: (error: SrfError, request?: SrfRequest) => void): void;
  /** The callback gets the response as sent; without one the server's report of it is not parsed. */
  sendResponse(
    response: SrfResponse,
    message: { headers?: Record<string, string>; body?: string },
    callback?: (error: SrfError, sent?: SrfMessage) => void,
  ): void;
}

export interface SrfWire {
  on(event: 'connect', listener: (socket: Socket) => void): void;
  /** Returns the id of the message. */
  send(socket: Socket, message: string): string;
  /** Set before a connection is closed on purpose, or it is made again. */
  closing?: boolean;
  readonly reconnectVars?: { readonly retryTimer?: NodeJS.Timeout | null };
  /** What has arrived of a message that is not complete yet. */
  readonly mapIncomingMsg: ReadonlyMap<Socket, { readonly incomingMsg: Buffer }>;
}

export interface SrfLike extends EventEmitter {
  /** The client is there after connect(). */
  readonly app: { readonly client?: SrfAgent };
  use(handler: (request: SrfRequest, response: SrfResponse) => void): void;
  /** Asks the server for requests of this method. */
  use(method: string, handler: (request: SrfRequest, response: SrfResponse) => void): void;
  connect(options: { host: string; port: number; secret: string; reconnect: { retryMaxDelay: number } }): void;
}

export function createSrf(): SrfLike {
  return new DrachtioSrf() as unknown as SrfLike;
}
