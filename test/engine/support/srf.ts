import type { EventEmitter } from 'node:events';
import { once } from 'node:events';
import { createRequire } from 'node:module';

/** The parts of drachtio-srf 5.0.29 that these tests call; its own types do not cover them. */
export interface SrfMessage {
  get(name: string): string;
  has(name: string): boolean;
  headers: Record<string, string>;
  body: string;
  raw: string;
}
export interface SrfRequest extends EventEmitter, SrfMessage {
  method: string;
  uri: string;
  source_address: string;
  source_port: number;
  protocol: string;
  receivedOn: string;
  stackTxnId: string;
  cancel(options: { headers: Record<string, string> }, callback: (error: unknown, req: SrfRequest) => void): void;
  cancel(callback: (error: unknown, req: SrfRequest) => void): void;
  proxy(options: object): Promise<unknown>;
}
export interface SrfResponse extends SrfMessage {
  status: number;
  reason: string;
  source_address: string;
  source_port: number;
  send(status: number, options?: object, callback?: (error: unknown, sent: SrfMessage) => void): void;
}
export interface SrfDialog extends EventEmitter {
  id: string;
  sip: { callId: string; localTag: string; remoteTag: string };
  local: { uri: string; sdp: string; contact: string };
  remote: { uri: string; sdp: string };
  connected: boolean;
  destroy(options?: object): Promise<SrfRequest>;
  modify(sdp: string): Promise<string>;
  request(options: { method: string; headers?: Record<string, string>; body?: string }): Promise<SrfResponse>;
}
type Handler = (req: SrfRequest, res: SrfResponse) => void;
export interface Srf extends EventEmitter {
  connect(options: object): void;
  disconnect(): void;
  invite(handler: Handler): void;
  options(handler: Handler): void;
  message(handler: Handler): void;
  createUAS(req: SrfRequest, res: SrfResponse, options: object): Promise<SrfDialog>;
  createUAC(
    uri: string,
    options: object,
    callbacks?: { cbRequest?: (error: unknown, req: SrfRequest) => void; cbProvisional?: (res: SrfResponse) => void },
  ): Promise<SrfDialog>;
  request(uri: string, options: object): Promise<SrfRequest>;
  readonly app: {
    readonly client: { request(options: object, callback: (e: unknown, req: SrfRequest) => void): void };
  };
}

const SrfClass = createRequire(import.meta.url)('drachtio-srf') as new () => Srf;

export interface FarEnd {
  host: string;
  port: number;
  secret: string;
}

/** Connects the unchanged drachtio-srf; `routes` names its handlers. */
export async function connectSrf(far: FarEnd, routes: { invite?: Handler; options?: Handler } = {}): Promise<Srf> {
  const srf = new SrfClass();
  if (routes.invite) srf.invite(routes.invite);
  if (routes.options) srf.options(routes.options);
  srf.on('error', () => undefined);
  const { host, port, secret } = far;
  srf.connect({ host, port, secret, reconnect: { maxAttempts: 1, retryMaxDelay: 100 } });
  const [error] = (await once(srf, 'connect')) as [Error | null];
  if (error) throw error;
  return srf;
}

/** Disconnects and waits until the far end has seen it. */
export async function disconnect(srf: Srf): Promise<void> {
  const closed = once(srf, 'close');
  srf.disconnect();
  await closed;
}
