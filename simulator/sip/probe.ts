import { Exchange } from './exchange.js';
import { identify } from './identity.js';
import type { Report } from './rules-used.js';
import { Wire } from './wire.js';

/** What a probe needs of the edge. */
export interface ProbeHost {
  readonly hostname: string;
  send(raw: string): Promise<void>;
  report: Report;
  enter(exchange: Exchange): void;
  leave(exchange: Exchange): void;
}

/** Asks the gateway with OPTIONS; resolves with the status, the core's own 408 or 503 if none came. */
export async function probe(host: ProbeHost): Promise<number> {
  const id = identify({ from: 'ping', to: 'ping' }, host.hostname);
  const exchange = new Exchange(id, new Wire(id), {
    hostname: host.hostname,
    send: (raw) => host.send(raw),
    report: host.report,
    record: () => undefined,
    digest: () => undefined,
  });
  host.enter(exchange);
  try {
    return await new Promise<number>((resolve) => {
      const done = ({ message }: { message: { statusCode?: number | undefined } }): void => {
        resolve(message.statusCode ?? 0);
      };
      exchange.core.request(exchange.request('OPTIONS'), { onAccept: done, onReject: done, onRedirect: done });
    });
  } finally {
    host.leave(exchange);
    exchange.close();
  }
}
