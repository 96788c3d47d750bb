/** Health, metrics and the API. */
import type { Secret } from '../config/types.js';
import type { ApiPorts } from './api-ports.js';
import { apiRoutes } from './api.js';
import { healthRoutes, type Health } from './health.js';
import { startListener, type HttpLog, type Listener } from './listener.js';
import { createRouter, type HttpObserver, type Route } from './router.js';

export type { Health, NumberHealth, PartHealth } from './health.js';

export interface HttpServerOptions {
  readonly listen: { readonly host: string; readonly port: number };
  readonly health: () => Health;
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
  /** Absent: there is no API. */
  readonly api?: { readonly token: Secret; readonly ports: ApiPorts };
  readonly observe?: HttpObserver;
  readonly log?: HttpLog;
}

export type HttpServer = Pick<Listener, 'address' | 'close'>;

const REQUEST_MS = 5000;
const MAX_CONNECTIONS = 100;

/** Rejects when the address cannot be bound. */
export function startHttp(options: HttpServerOptions): Promise<HttpServer> {
  const { listen, api, observe, log } = options;
  return startListener({
    ...{ listen, log, maxConnections: MAX_CONNECTIONS, requestMs: REQUEST_MS, idleMs: REQUEST_MS },
    handle: createRouter({ routes: routesOf(options), token: api?.token, observe }),
  });
}

function routesOf({ health, metrics, api }: HttpServerOptions): readonly Route[] {
  const answer = async (): Promise<{ text: string; type: string }> => ({
    text: await metrics.text(),
    type: metrics.contentType,
  });
  return [
    ...healthRoutes(health),
    { method: 'GET', path: '/metrics', answer },
    ...(api === undefined ? [] : apiRoutes(api.ports)),
  ];
}
