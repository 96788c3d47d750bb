import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import type { Report } from './rules-used.js';
import { SipSocket, type SipSocketEvents } from './sip-socket.js';

/** Where the stand-in listens as wa.meta.vc. */
export interface ListenOptions {
  /** Default 127.0.0.1. */
  readonly address?: string;
  /** Default any free one. */
  readonly port?: number;
  /** PEM; the certificate covers wa.meta.vc. */
  readonly key: string;
  readonly certificate: string;
}

export interface Listener {
  readonly address: string;
  readonly port: number;
  /** Loses the connections that the gateway opened. */
  drop(): void;
  close(): Promise<void>;
}

/** Listens for the gateway on TLS. A client that offers ALPN gets alert 120 (no application protocol), as from Meta. */
export async function listen(options: ListenOptions, events: SipSocketEvents & { report: Report }): Promise<Listener> {
  const open = new Set<SipSocket>();
  const server = createServer({
    key: options.key,
    cert: options.certificate,
    minVersion: 'TLSv1.2',
    ALPNCallback: ({ protocols }) => {
      events.report('alpn', `the gateway offers ${protocols.join(', ')}`);
      return undefined;
    },
  });
  server.on('secureConnection', (socket) => {
    const closed = (which: SipSocket): void => {
      open.delete(which);
      events.closed(which);
    };
    open.add(new SipSocket(socket, { ...events, closed }));
  });
  server.listen(options.port ?? 0, options.address ?? '127.0.0.1');
  await once(server, 'listening');
  const { address, port } = server.address() as AddressInfo;
  const drop = (): void => {
    for (const socket of open) socket.close();
  };
  const close = async (): Promise<void> => {
    if (!server.listening) return;
    server.close();
    drop();
    await once(server, 'close');
  };
  return { address, port, drop, close };
}
