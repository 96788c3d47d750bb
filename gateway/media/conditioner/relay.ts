import { randomInt } from 'node:crypto';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { MediaTrouble } from '../port.js';
import { Egress } from './egress.js';
import { Ingress } from './ingress.js';
import type { NodeRoute, PbxRoute, RelayCounters, RelayOptions } from './messages.js';
import { Ringing } from './ringing.js';
import { COMFORT_NOISE, RTP_HEADER, isRtp, payloadTypeOf } from './rtp.js';
import { SteadyStream } from './steady-stream.js';
import { Watch } from './watch.js';

/** Addresses here are always numeric: dgram's own look-up costs more than the send. */
function numericLookup(
  address: string,
  _options: unknown,
  done: (error: NodeJS.ErrnoException | null, address: string, family: number) => void,
): void {
  done(null, address, 4);
}

const NOTHING = { packets: 0, bytes: 0, filled: 0, dropped: 0, restarts: 0 };

/** What there is once media flows. */
interface Flow {
  readonly node: NodeRoute;
  readonly stream: SteadyStream;
  readonly ingress: Ingress;
  egress?: Egress;
  readonly watch: Watch;
}

/** One call's plain RTP: one socket, to which both rtpengine and the PBX send and from which both are answered. */
export class Relay {
  readonly #socket: Socket;
  readonly #silenceMs: number;
  readonly #onTrouble: (trouble: MediaTrouble) => void;
  readonly #toPbx = { packets: 0, bytes: 0 };
  #pbx: PbxRoute | undefined;
  /** Where the PBX's packets come from; until some do, where its SDP says. */
  #latched = { address: '', port: 0 };
  #ringing: Ringing | undefined;
  #flow: Flow | undefined;

  private constructor(socket: Socket, silenceMs: number, onTrouble: (trouble: MediaTrouble) => void) {
    this.#socket = socket;
    this.#silenceMs = silenceMs;
    this.#onTrouble = onTrouble;
    socket.on('message', (packet, from) => this.#receive(packet, from));
    // A peer's closed port comes back as an error on the socket; the peer may be there again in a moment.
    socket.on('error', () => undefined);
  }

  /** Binds a free port. Rejects when there is none. */
  static async open(options: RelayOptions, onTrouble: (trouble: MediaTrouble) => void): Promise<Relay> {
    const socket = createSocket({ type: 'udp4', lookup: numericLookup });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind({ address: options.address, port: 0 }, () => {
        socket.removeListener('error', reject);
        resolve();
      });
    });
    return new Relay(socket, options.silenceMs, onTrouble);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  get counters(): RelayCounters {
    return { fromPbx: this.#flow?.stream.counters ?? NOTHING, toPbx: this.#toPbx };
  }

  /** The PBX's side from now on; what has been agreed with WhatsApp stays, and the stream toward it goes on. */
  pbx(route: PbxRoute): void {
    const before = this.#pbx?.endpoint;
    if (before?.address !== route.endpoint.address || before.port !== route.endpoint.port) {
      this.#latched = route.endpoint;
    }
    this.#pbx = route;
    const flow = this.#flow;
    if (flow === undefined) return;
    flow.ingress.expect(route.formats);
    if (flow.egress === undefined) flow.egress = new Egress(flow.node, route);
    else flow.egress.change(route);
    flow.watch.expectPbx(route.sends, performance.now());
  }

  /** A ringing tone to the PBX until media flows. */
  ring(): void {
    if (this.#pbx === undefined || this.#flow !== undefined) return;
    this.#ringing ??= new Ringing(this.#pbx.audio, performance.now(), (packet) => this.#sendToPbx(packet));
  }

  /** Relays from now on, silence first; the PBX's side may still be unknown. */
  start(node: NodeRoute): void {
    if (this.#flow !== undefined) return;
    this.#endRinging();
    const now = performance.now();
    const stream = new SteadyStream(
      {
        codec: node.audio.codec,
        audio: node.audio.payloadType,
        ...(node.event === undefined ? {} : { event: node.event }),
        ssrc: randomInt(1, 2 ** 32),
        firstSequence: randomInt(2 ** 15),
        firstTimestamp: randomInt(2 ** 31),
      },
      (packet) => this.#socket.send(packet, node.endpoint.port, node.endpoint.address),
    );
    const ingress = new Ingress(node.audio.codec, (packet) => this.#audio(stream, packet));
    const watch = new Watch(this.#silenceMs, now, this.#onTrouble);
    watch.expectPbx(false, now);
    this.#flow = { node, stream, ingress, watch };
    if (this.#pbx !== undefined) this.pbx(this.#pbx);
    stream.start(now);
  }

  /** A key for WhatsApp that came by SIP INFO. */
  key(code: number, durationMs: number): void {
    this.#flow?.stream.press(code, durationMs);
  }

  /** Sends what is due toward WhatsApp. */
  tick(now: number): void {
    this.#flow?.stream.tick(now);
    this.#ringing?.tick(now);
  }

  /** Looks whether both sides are heard. */
  check(now: number): void {
    this.#flow?.watch.check(now);
  }

  close(): void {
    this.#socket.close();
    this.#endRinging();
    this.#flow?.ingress.close();
    this.#flow?.egress?.close();
    this.#flow?.stream.close();
  }

  #endRinging(): void {
    this.#ringing?.close();
    this.#ringing = undefined;
  }

  #receive(packet: Buffer, from: RemoteInfo): void {
    const node = this.#flow?.node.endpoint;
    if (from.port === node?.port && from.address === node.address) this.#forwardToPbx(packet);
    else if (this.#pbx?.addresses.includes(from.address) === true && isRtp(packet)) this.#takeFromPbx(packet, from);
  }

  #takeFromPbx(packet: Buffer, from: RemoteInfo): void {
    const [pbx, flow] = [this.#pbx, this.#flow];
    if (pbx === undefined) return;
    if (flow === undefined) {
      // Before the answer its packets only tell where it is.
      if (this.#ringing !== undefined) this.#latch(from);
      return;
    }
    if (!this.#used(packet, pbx, flow)) return;
    this.#latch(from);
    flow.watch.heard('pbx', performance.now());
  }

  #used(packet: Buffer, pbx: PbxRoute, flow: Flow): boolean {
    const payloadType = payloadTypeOf(packet);
    if (pbx.events.includes(payloadType)) {
      flow.ingress.other(packet);
      return flow.stream.event(packet, performance.now());
    }
    if (payloadType === COMFORT_NOISE) {
      flow.ingress.other(packet);
      return flow.stream.pause(packet);
    }
    return flow.ingress.audio(packet);
  }

  #latch({ address, port }: RemoteInfo): void {
    if (this.#latched.port !== port || this.#latched.address !== address) this.#latched = { address, port };
  }

  #audio(stream: SteadyStream, packet: Buffer): void {
    stream.accept(packet, performance.now());
  }

  #forwardToPbx(packet: Buffer): void {
    const flow = this.#flow;
    if (flow === undefined || !isRtp(packet)) return;
    flow.watch.heard('whatsapp', performance.now());
    const out = this.#pbx?.receives === true ? flow.egress?.take(packet) : undefined;
    if (out === undefined) return;
    this.#toPbx.packets += 1;
    this.#toPbx.bytes += out.length - RTP_HEADER;
    this.#sendToPbx(out);
  }

  #sendToPbx(packet: Buffer): void {
    const { address, port } = this.#latched;
    if (port !== 0) this.#socket.send(packet, port, address);
  }
}
