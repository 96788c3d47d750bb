import { randomInt } from 'node:crypto';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { EVENT_SCALE, eventDuration, setEventDuration } from './event.js';
import type { RelayCounters, RelayRoute } from './messages.js';
import { RTP_HEADER, isRtp, payloadTypeOf, setPayloadType } from './rtp.js';
import { SteadyStream, type SteadyStreamOptions } from './steady-stream.js';

/** Addresses here are always numeric: dgram's own look-up costs more than the send. */
function numericLookup(
  address: string,
  _options: unknown,
  done: (error: NodeJS.ErrnoException | null, address: string, family: number) => void,
): void {
  done(null, address, 4);
}

const NOTHING = { packets: 0, bytes: 0, filled: 0, dropped: 0, restarts: 0 };

/** One call's plain RTP: one socket, to which both rtpengine and the PBX send and from which both are answered. */
export class Relay {
  readonly #socket: Socket;
  readonly #toPbx = { packets: 0, bytes: 0 };
  #route: RelayRoute | undefined;
  #stream: SteadyStream | undefined;
  #pbxAddress = '';
  #pbxPort = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (packet, from) => this.#receive(packet, from));
    // A peer's closed port comes back as an error on the socket; the peer may be there again in a moment.
    socket.on('error', () => undefined);
  }

  /** Binds a free port on `address`. Rejects when there is none. */
  static async open(address: string): Promise<Relay> {
    const socket = createSocket({ type: 'udp4', lookup: numericLookup });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind({ address, port: 0 }, () => {
        socket.removeListener('error', reject);
        resolve();
      });
    });
    return new Relay(socket);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  get counters(): RelayCounters {
    return { fromPbx: this.#stream?.counters ?? NOTHING, toPbx: this.#toPbx };
  }

  /** Relays from now on; called again, to elsewhere, and a stream that has begun goes on. */
  start(route: RelayRoute): void {
    this.#route = route;
    this.#pbxAddress = route.pbx.address;
    this.#pbxPort = route.pbx.port;
    this.#stream ??= new SteadyStream(streamOptions(route), (packet) => this.#sendToNode(packet));
    this.#stream.start(performance.now());
  }

  /** Sends what is due toward WhatsApp. */
  tick(now: number): void {
    this.#stream?.tick(now);
  }

  close(): void {
    this.#socket.close();
  }

  #receive(packet: Buffer, from: RemoteInfo): void {
    const route = this.#route;
    if (route === undefined) return;
    if (from.port === route.node.port && from.address === route.node.address) this.#forwardToPbx(packet, route);
    else if (route.pbxAddresses.includes(from.address)) this.#takeFromPbx(packet, from);
  }

  #takeFromPbx(packet: Buffer, from: RemoteInfo): void {
    if (this.#stream?.accept(packet, performance.now()) !== true) return;
    this.#pbxAddress = from.address;
    this.#pbxPort = from.port;
  }

  #sendToNode(packet: Buffer): void {
    if (this.#route !== undefined) this.#socket.send(packet, this.#route.node.port, this.#route.node.address);
  }

  #forwardToPbx(packet: Buffer, route: RelayRoute): void {
    if (this.#pbxPort === 0 || !isRtp(packet)) return;
    const payloadType = payloadTypeOf(packet);
    if (payloadType === route.nodePayloadTypes.event) {
      if (route.pbxPayloadTypes.event === undefined) return;
      setPayloadType(packet, route.pbxPayloadTypes.event);
      const duration = route.pbxEventKhz === 48 ? eventDuration(packet) : undefined;
      if (duration !== undefined) setEventDuration(packet, duration * EVENT_SCALE);
    } else if (payloadType === route.nodePayloadTypes.audio) {
      setPayloadType(packet, route.pbxPayloadTypes.audio);
    }
    this.#toPbx.packets += 1;
    this.#toPbx.bytes += packet.length - RTP_HEADER;
    this.#socket.send(packet, this.#pbxPort, this.#pbxAddress);
  }
}

function streamOptions({ codec, nodePayloadTypes, pbxPayloadTypes }: RelayRoute): SteadyStreamOptions {
  return {
    codec,
    from: {
      audio: [nodePayloadTypes.audio, pbxPayloadTypes.audio],
      event: [nodePayloadTypes.event, pbxPayloadTypes.event].filter((p) => p !== undefined),
    },
    to: nodePayloadTypes,
    ssrc: randomInt(1, 2 ** 32),
    firstSequence: randomInt(2 ** 15),
    firstTimestamp: randomInt(2 ** 31),
  };
}
