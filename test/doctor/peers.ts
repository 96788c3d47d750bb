/** A PBX and an rtpengine on loopback, as far as the doctor speaks to them. */
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { once } from 'node:events';

export interface Peer {
  readonly port: number;
  /** What was received. */
  readonly received: string[];
  close(): void;
}

/** Answers each datagram with what `answer` makes of it; undefined: not at all. */
export async function udpPeer(answer: (message: string) => string | undefined): Promise<Peer> {
  const socket: Socket = createSocket('udp4');
  const received: string[] = [];
  socket.on('message', (datagram, { port, address }) => {
    const message = datagram.toString('latin1');
    received.push(message);
    const reply = answer(message);
    if (reply !== undefined) socket.send(Buffer.from(reply, 'latin1'), port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { port: socket.address().port, received, close: () => socket.close() };
}

export const pong = (message: string): string => `${message.split(' ', 1)[0] ?? ''} d6:result4:ponge`;

/** A response with the headers of the request (RFC 3261 8.2.6.2), after a 100. */
export function sipResponse(status: string): (message: string) => string {
  return (message) => {
    const headers = message.split('\r\n').filter((line) => /^(Via|From|To|Call-ID|CSeq):/.test(line));
    return [`SIP/2.0 ${status}`, ...headers, 'Content-Length: 0', '\r\n'].join('\r\n');
  };
}
