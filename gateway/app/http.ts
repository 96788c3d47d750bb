import type { Calls } from '../calls/calls.js';
import type { Config } from '../config/types.js';
import { startHttp, type HttpServer } from '../http/server.js';
import type { MediaPort } from '../media/port.js';
import type { SipPort } from '../sip/port.js';
import type { Closers, GatewayDeps } from './parts.js';

export async function startHttpIfWanted(
  config: Config,
  { log, metrics }: GatewayDeps,
  parts: { sip: SipPort; media: MediaPort; calls: Calls },
  closers: Closers,
): Promise<HttpServer | undefined> {
  const { listen } = config.http;
  if (listen === undefined) return undefined;
  const http = await startHttp({
    listen,
    metrics,
    log: log.child({ part: 'http' }),
    health: () => ({ draining: parts.calls.draining, parts: { sip: parts.sip.up, media: parts.media.healthy } }),
  });
  closers.push(() => http.close());
  return http;
}
