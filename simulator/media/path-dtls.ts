import { DtlsEngine } from './dtls-engine.js';
import { IceLite, type IceCredentials } from './ice-lite.js';
import type { MediaPath, PathEvents, SendDatagram } from './path.js';
import { classify, sequenceOf, ssrcOf } from './rtp.js';
import type { RemoteSdp } from './sdp-read.js';

/** Times on the clock of performance.now(). */
export interface DtlsTimes {
  clientHelloFirst: number | undefined;
  clientHellosDropped: number;
  iceFirstCheck: number | undefined;
  iceNominated: number | undefined;
  dtlsDone: number | undefined;
  roleConflicts: number;
}

interface Address {
  readonly address: string;
  readonly port: number;
}

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const HANDSHAKE_TYPE_AT = 13;
/** Packets that may be between the socket and their decrypted form. */
const ARRIVALS = 256;

/**
 * Meta's side of ICE and DTLS: ICE-lite and always controlled, DTLS server that never speaks first and, unless it takes
 * an early ClientHello, hears no DTLS before ICE has nominated a pair.
 */
export class DtlsPath implements MediaPath {
  readonly times: DtlsTimes = {
    clientHelloFirst: undefined,
    clientHellosDropped: 0,
    iceFirstCheck: undefined,
    iceNominated: undefined,
    dtlsDone: undefined,
    roleConflicts: 0,
  };
  readonly #ice = new IceLite();
  readonly #early: boolean;
  readonly #events: PathEvents;
  readonly #send: SendDatagram;
  #engine: DtlsEngine | undefined;
  #nominated: Address | undefined;
  #heardFrom: Address | undefined;
  /** What the SDP said, and what the handshake showed. */
  #promised: string | undefined;
  #shown: string | undefined;
  #trusted = false;
  readonly #arrivalKeys = new Float64Array(ARRIVALS);
  readonly #arrivalTimes = new Float64Array(ARRIVALS);
  #arrivals = 0;

  private constructor(early: boolean, events: PathEvents, send: SendDatagram) {
    this.#early = early;
    this.#events = events;
    this.#send = send;
  }

  static async create(early: boolean, events: PathEvents, send: SendDatagram): Promise<DtlsPath> {
    const path = new DtlsPath(early, events, send);
    path.#engine = await DtlsEngine.create({
      onDatagram: (datagram) => {
        const to = path.#nominated ?? path.#heardFrom;
        if (to !== undefined) send(datagram, to.port, to.address);
      },
      onPacket: (packet) => path.#packet(packet),
      onReady: (fingerprint) => {
        path.times.dtlsDone = performance.now();
        path.#shown = fingerprint.toUpperCase();
        path.#compare();
      },
    });
    return path;
  }

  get ice(): IceCredentials {
    return this.#ice.local;
  }

  get fingerprint(): string {
    return this.#engine!.fingerprint;
  }

  agree(sdp: RemoteSdp): void {
    this.#promised = sdp.fingerprints.find((f) => f.algorithm === 'sha-256')?.value;
    this.#compare();
  }

  receive(datagram: Buffer, address: string, port: number, arrivalMs: number): void {
    switch (classify(datagram)) {
      case 'stun':
        this.#check(datagram, address, port, arrivalMs);
        return;
      case 'dtls':
        this.#handshake(datagram, address, port, arrivalMs);
        return;
      case 'rtp': {
        const slot = this.#arrivals++ % ARRIVALS;
        this.#arrivalKeys[slot] = arrivalKey(datagram);
        this.#arrivalTimes[slot] = arrivalMs;
        this.#engine?.receive(datagram);
        return;
      }
      case 'rtcp':
        this.#engine?.receive(datagram);
        return;
      case 'unknown':
        return;
    }
  }

  sendRtp(packet: Buffer): void {
    if (this.#trusted) this.#engine?.send(packet);
  }

  sendRtcp(packet: Buffer): void {
    this.sendRtp(packet);
  }

  async close(): Promise<void> {
    this.#trusted = false;
    await this.#engine?.close();
  }

  #check(datagram: Buffer, address: string, port: number, arrivalMs: number): void {
    const outcome = this.#ice.receive(datagram, address, port);
    switch (outcome.kind) {
      case 'ignored':
        return;
      case 'refused':
        if (outcome.code === 487) this.times.roleConflicts++;
        break;
      case 'checked':
        this.times.iceFirstCheck ??= arrivalMs;
        this.#heardFrom = { address, port };
        if (outcome.nominates) this.#nominate({ address, port }, arrivalMs);
        break;
    }
    this.#send(outcome.response, port, address);
  }

  #nominate(pair: Address, arrivalMs: number): void {
    this.times.iceNominated ??= arrivalMs;
    const before = this.#nominated;
    this.#nominated = pair;
    if (before !== undefined && (before.port !== pair.port || before.address !== pair.address)) {
      this.#events.onViolation('candidate-switch');
    }
  }

  #handshake(datagram: Buffer, address: string, port: number, arrivalMs: number): void {
    const hello = datagram[0] === HANDSHAKE && datagram[HANDSHAKE_TYPE_AT] === CLIENT_HELLO;
    if (hello) this.times.clientHelloFirst ??= arrivalMs;
    if (this.#nominated === undefined && !this.#early) {
      if (hello) this.times.clientHellosDropped++;
      return;
    }
    this.#heardFrom ??= { address, port };
    this.#engine?.receive(datagram);
  }

  #packet(packet: Buffer): void {
    if (!this.#trusted) return;
    const now = performance.now();
    if (classify(packet) === 'rtcp') this.#events.onRtcp(packet, now);
    else this.#events.onRtp(packet, this.#arrivalOf(packet) ?? now);
  }

  #arrivalOf(packet: Buffer): number | undefined {
    const key = arrivalKey(packet);
    const oldest = Math.max(0, this.#arrivals - ARRIVALS);
    for (let n = this.#arrivals - 1; n >= oldest; n--) {
      if (this.#arrivalKeys[n % ARRIVALS] === key) return this.#arrivalTimes[n % ARRIVALS];
    }
    return undefined;
  }

  /** The certificate of the handshake must be the one the SDP promised (RFC 8122, section 6.2). */
  #compare(): void {
    if (this.#promised === undefined || this.#shown === undefined || this.#trusted) return;
    if (this.#promised !== this.#shown) {
      this.#events.onViolation('fingerprint');
      return;
    }
    this.#trusted = true;
    this.#events.onReady();
  }
}

const arrivalKey = (packet: Buffer): number => ssrcOf(packet) * 0x10000 + sequenceOf(packet);
