import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

/** A bound IPv4 UDP socket whose send errors do not matter: a lost packet is a lost packet. */
export class UdpPort {
  readonly address: string;
  readonly port: number;
  readonly #socket: Socket;
  #closed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    ({ address: this.address, port: this.port } = socket.address());
  }

  static async bind(
    address: string,
    port: number,
    onDatagram: (datagram: Buffer, address: string, port: number) => void,
  ): Promise<UdpPort> {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 19 });
    socket.on('message', (datagram, from) => onDatagram(datagram, from.address, from.port));
    socket.bind(port, address);
    await once(socket, 'listening'); // rejects on 'error', such as a port in use
    socket.on('error', () => undefined);
    return new UdpPort(socket);
  }

  send(datagram: Buffer, port: number, address: string): void {
    if (!this.#closed) this.#socket.send(datagram, port, address, () => undefined);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await new Promise<void>((resolve) => this.#socket.close(resolve));
  }
}
