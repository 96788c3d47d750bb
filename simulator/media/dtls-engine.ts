import ndc, { type PeerConnection, type Track } from 'node-datachannel';
import { IceLite } from './ice-lite.js';
import { classify } from './rtp.js';
import { UdpPort } from './udp.js';

const LOOPBACK = '127.0.0.1';
const CONNECT_LIMIT_MS = 10_000;
/** What libdatachannel is told to expect before the real certificate is known; never compared (see below). */
const NO_FINGERPRINT = Array.from({ length: 32 }, () => '00').join(':');

export interface DtlsEngineEvents {
  /** A DTLS or SRTP datagram for the business. */
  readonly onDatagram: (datagram: Buffer) => void;
  /** A decrypted RTP or RTCP packet from the business. */
  readonly onPacket: (packet: Buffer) => void;
  /** The handshake is done; `fingerprint` is the sha-256 of the certificate that the business showed. */
  readonly onReady: (fingerprint: string) => void;
}

/**
 * DTLS 1.2 server and SRTP by libdatachannel, behind a loopback relay: libdatachannel can neither be ICE-lite nor hold
 * back a handshake, so it talks ICE to the relay only, beforehand, and whoever owns this engine decides which datagrams
 * of the outer socket it sees. The certificate of the business is compared by the owner, because the handshake may
 * start before the SDP answer is here.
 */
export class DtlsEngine {
  /** Of our own certificate, as in `a=fingerprint:sha-256`. */
  readonly fingerprint: string;
  readonly #connection: PeerConnection;
  readonly #track: Track;
  readonly #relay: UdpPort;
  readonly #enginePort: number;
  #ready = false;
  #closed = false;

  private constructor(connection: PeerConnection, track: Track, relay: UdpPort, local: LocalSide) {
    this.#connection = connection;
    this.#track = track;
    this.#relay = relay;
    this.fingerprint = local.fingerprint;
    this.#enginePort = local.port;
  }

  /** Resolves when the engine waits for the ClientHello. */
  static async create(events: DtlsEngineEvents): Promise<DtlsEngine> {
    const ice = new IceLite();
    const relay = await UdpPort.bind(LOOPBACK, 0, (datagram, address, port) => {
      if (classify(datagram) !== 'stun') {
        events.onDatagram(datagram);
        return;
      }
      const outcome = ice.receive(datagram, address, port);
      if (outcome.kind !== 'ignored') relay.send(outcome.response, port, address);
    });
    const connection = new ndc.PeerConnection('media peer', {
      iceServers: [],
      bindAddress: LOOPBACK,
      disableFingerprintVerification: true,
      forceMediaTransport: true,
    });
    openEngines++;
    const audio = new ndc.Audio('audio', 'SendRecv');
    audio.addOpusCodec(111);
    const track = connection.addTrack(audio);
    const local = await gather(connection);
    const engine = new DtlsEngine(connection, track, relay, local);
    track.onMessage((packet) => {
      if (!engine.#closed) events.onPacket(packet);
    });
    connection.onStateChange((state) => {
      if (state !== 'connected' || engine.#closed) return;
      engine.#ready = true;
      events.onReady(connection.remoteFingerprint().value);
    });
    try {
      await connectIce(connection, relay, ice);
    } catch (error) {
      await engine.close();
      throw error;
    }
    return engine;
  }

  /** Hands a DTLS or SRTP datagram of the business to libdatachannel. */
  receive(datagram: Buffer): void {
    this.#relay.send(datagram, this.#enginePort, LOOPBACK);
  }

  /** Encrypts an RTP or RTCP packet; it comes out as a datagram. False before the handshake is done. */
  send(packet: Buffer): boolean {
    return this.#ready && !this.#closed && this.#track.isOpen() && this.#track.sendMessageBinary(packet);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    // A track without this callback stays in node-datachannel's list of tracks after it is collected, and its cleanup()
    // then closes freed memory.
    const trackClosed = new Promise<void>((resolve) => this.#track.onClosed(resolve));
    const connectionClosed = new Promise<void>((resolve) => {
      this.#connection.onStateChange((state) => {
        if (state === 'closed') resolve();
      });
    });
    this.#track.close();
    this.#connection.close();
    await Promise.all([trackClosed, connectionClosed]);
    await this.#relay.close();
    // libdatachannel's threads are of the process and keep it alive: the last engine stops them.
    if (--openEngines === 0) ndc.cleanup();
  }
}

let openEngines = 0;

interface LocalSide {
  readonly fingerprint: string;
  readonly port: number;
}

async function gather(connection: PeerConnection): Promise<LocalSide> {
  await new Promise<void>((resolve) => {
    connection.onGatheringStateChange((state) => {
      if (state === 'complete') resolve();
    });
    connection.setLocalDescription('offer');
  });
  const sdp = connection.localDescription()?.sdp ?? '';
  const fingerprint = /^a=fingerprint:sha-256 (\S+)/m.exec(sdp)?.[1];
  const port = /^a=candidate:\S+ 1 UDP \d+ 127\.0\.0\.1 (\d+) typ host/m.exec(sdp)?.[1];
  if (fingerprint === undefined || port === undefined) {
    throw new Error('libdatachannel gave no sha-256 fingerprint or no loopback candidate');
  }
  return { fingerprint, port: Number(port) };
}

async function connectIce(connection: PeerConnection, relay: UdpPort, ice: IceLite): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const limit = setTimeout(
      () => reject(new Error(`libdatachannel: no ICE with the relay in ${CONNECT_LIMIT_MS} ms`)),
      CONNECT_LIMIT_MS,
    );
    connection.onIceStateChange((state) => {
      if (state !== 'connected' && state !== 'completed') return;
      clearTimeout(limit);
      resolve();
    });
    connection.setRemoteDescription(
      [
        'v=0',
        `o=- 1 1 IN IP4 ${LOOPBACK}`,
        's=-',
        't=0 0',
        'a=group:BUNDLE audio',
        'a=ice-lite',
        `m=audio ${relay.port} UDP/TLS/RTP/SAVPF 111`,
        `c=IN IP4 ${LOOPBACK}`,
        'a=mid:audio',
        'a=sendrecv',
        'a=rtcp-mux',
        'a=rtpmap:111 opus/48000/2',
        'a=setup:active',
        `a=ice-ufrag:${ice.local.ufrag}`,
        `a=ice-pwd:${ice.local.pwd}`,
        `a=fingerprint:sha-256 ${NO_FINGERPRINT}`,
        `a=candidate:1 1 UDP 2130706431 ${LOOPBACK} ${relay.port} typ host`,
        'a=end-of-candidates',
        '',
      ].join('\r\n'),
      'answer',
    );
  });
}
