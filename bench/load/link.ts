import { once } from 'node:events';
import { connect, createServer, type Server, type TLSSocket } from 'node:tls';
import type { PemPair } from '../../simulator/pki.js';
import { parseSip, type SipMessage } from './sip-message.js';

/** A TLS connection that carries SIP. */
export interface Link {
  readonly open: boolean;
  send(text: string): void;
  /** Ends it without a goodbye, as a failing network does. */
  cut(): void;
}

export interface LinkTarget {
  readonly host: string;
  readonly port: number;
  /** The name that the certificate must cover. */
  readonly hostname: string;
  /** PEM of the CA that signed it. */
  readonly ca: string;
}

export type Receive = (message: SipMessage, link: Link) => void;

/** Opens a connection to the gateway's WhatsApp side. @throws the TLS or socket error */
export async function openLink(target: LinkTarget, receive: Receive): Promise<Link> {
  const { host, port, hostname, ca } = target;
  const socket = connect({ host, port, servername: hostname, ca });
  await once(socket, 'secureConnect');
  return carry(socket, receive);
}

/** Takes connections as Meta's edge does. */
export async function listenForLinks(
  pair: PemPair,
  receive: Receive,
): Promise<{ port: number; close(): Promise<void> }> {
  const sockets = new Set<TLSSocket>();
  const server = createServer({ key: pair.key, cert: pair.certificate }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    carry(socket, receive);
  });
  server.on('tlsClientError', () => undefined); // the peer hung up in the handshake
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: portOf(server), close: () => shut(server, sockets) };
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function shut(server: Server, sockets: ReadonlySet<TLSSocket>): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  for (const socket of sockets) socket.destroy();
  await closed;
}

function carry(socket: TLSSocket, receive: Receive): Link {
  socket.setNoDelay(true);
  socket.on('error', () => undefined); // 'close' follows, and calls without an answer are counted as lost
  const link: Link = {
    get open() {
      return !socket.destroyed && socket.writable;
    },
    send: (text) => socket.write(text),
    cut: () => socket.destroy(),
  };
  const split = splitter((text) => receive(parseSip(text), link));
  socket.on('data', split);
  return link;
}

const CONTENT_LENGTH = /\r\n(?:content-length|l)[ \t]*:[ \t]*(\d+)/i;

/** Cuts a stream into messages by their Content-Length, RFC 3261 section 18.3; all that is sent here is ASCII. */
function splitter(emit: (text: string) => void): (chunk: Buffer) => void {
  let rest = '';
  return (chunk) => {
    rest = rest === '' ? chunk.toString('latin1') : rest + chunk.toString('latin1');
    for (;;) {
      if (rest.startsWith('\r\n')) {
        rest = rest.slice(2); // keep-alive, RFC 5626 section 3.5.1
        continue;
      }
      const headEnd = rest.indexOf('\r\n\r\n');
      if (headEnd === -1) return;
      const length = Number(CONTENT_LENGTH.exec(rest.slice(0, headEnd + 2))?.[1] ?? 0);
      const end = headEnd + 4 + length;
      if (rest.length < end) return;
      const text = rest.slice(0, end);
      rest = rest.slice(end);
      emit(text);
    }
  };
}
