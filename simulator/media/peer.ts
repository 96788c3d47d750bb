import { EventEmitter } from 'node:events';
import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import type { RuleId } from '../rules.js';
import { Ear } from './ear.js';
import { measureHeard } from './heard.js';
import { hearTone, type Span, within } from './listening.js';
import { runSliced, type ToneMeasure } from './measure.js';
import { DtlsPath, type DtlsTimes } from './path-dtls.js';
import { SdesPath } from './path-sdes.js';
import type { PathEvents, SendDatagram } from './path.js';
import { ntpOfReport, senderReport } from './rtcp.js';
import { classify } from './rtp.js';
import { checkSdp, commonCodecs, readSdp, type RemoteSdp, telephoneEventOf, usableCrypto } from './sdp-read.js';
import { type LocalMedia, writeSdp } from './sdp-write.js';
import { type DigitTiming, RtpSender } from './sender.js';
import { createMediaShare, type MediaShare } from './share.js';
import type {
  Codec,
  DtlsFigures,
  MediaPeerEvents,
  MediaPeerOptions,
  MediaReport,
  ReceivedDigit,
  SdpFault,
  Source,
} from './types.js';
import { UdpPort } from './udp.js';
import { MediaWatchdog } from './watchdog.js';

const OFFERED: Record<Codec, number> = { opus: 111, PCMA: 8, PCMU: 0 };
const OFFERED_EVENTS = 126;
const META_LIMITS = { startMs: 20_000, gapMs: 30_000 };
const KEEP_AUDIO_MS = 120_000;
const RTCP_INTERVAL_MS = 5000;
/** UDP may overtake the 200 on TLS within one turn of the event loop. */
const BEFORE_200_GRACE_MS = 20;
/** DTLS: packets on their way through the engine at any time, and how long they are waited for at the end. */
const [IN_FLIGHT, DRAIN_MS] = [5, 300];

/** Opens the socket and, for DTLS, the engine behind it; the offer can be written at once. */
export async function createMediaPeer(options: MediaPeerOptions): Promise<MediaPeer> {
  return MediaPeer.create(options);
}

/** The media of one fake WhatsApp user behind Meta's relay. */
export class MediaPeer extends EventEmitter<MediaPeerEvents> {
  readonly #options: MediaPeerOptions;
  readonly #share: MediaShare;
  readonly #ssrc = randomInt(1, 0x100000000);
  readonly #streamId = randomUUID();
  readonly #key = randomBytes(30);
  readonly #ear: Ear;
  readonly #sender: RtpSender;
  readonly #watchdog: MediaWatchdog;
  readonly #violations = new Set<RuleId>();
  readonly #faults: SdpFault[] = [];
  #socket!: UdpPort;
  #path!: SdesPath | DtlsPath;
  #offered: LocalMedia['codecs'];
  #ready = false;
  #ackAt: number | undefined;
  #answerAt: number | undefined;
  #firstMediaAt: number | undefined;
  #endAt: number | undefined;
  #lastSenderReport: { ssrc: number; ntp: number; at: number } | undefined;
  #rtcpTimer: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;

  private constructor(options: MediaPeerOptions) {
    super();
    this.#options = options;
    this.#share = options.share ?? createMediaShare();
    this.#offered = options.codecs.map((codec) => ({ payloadType: OFFERED[codec], codec }));
    this.#ear = new Ear(options.keepAudioMs ?? KEEP_AUDIO_MS, () => this.#zero ?? 0, {
      onViolation: (rule) => this.#violate(rule),
      onDigit: (digit) => this.emit('digit', digit),
    });
    this.#sender = new RtpSender(this.#ssrc, this.#share.clock, this.#share.sounds, (packet) =>
      this.#path.sendRtp(packet),
    );
    this.#watchdog = new MediaWatchdog(
      options.limits ?? META_LIMITS,
      () => ({ rtp: this.#ear.stats.lastArrivalMs, any: this.#ear.lastRtcpMs }),
      (rule) => {
        this.#violate(rule);
        this.emit('timeout', rule);
      },
    );
  }

  /** Use `createMediaPeer`. */
  static async create(options: MediaPeerOptions): Promise<MediaPeer> {
    const peer = new MediaPeer(options);
    peer.#socket = await UdpPort.bind(options.address, options.port ?? 0, (datagram, address, port) =>
      peer.#datagram(datagram, address, port),
    );
    const send: SendDatagram = (...datagram) => peer.#socket.send(...datagram);
    try {
      peer.#path =
        options.keying === 'sdes'
          ? new SdesPath(peer.#key, peer.#pathEvents(), send)
          : await DtlsPath.create(options.earlyClientHello ?? false, peer.#pathEvents(), send);
    } catch (error) {
      await peer.#socket.close();
      throw error;
    }
    peer.play({ kind: 'silence' });
    return peer;
  }

  /** UDP port of the media. */
  get port(): number {
    return this.#socket.port;
  }

  /** Rules broken so far, each once. */
  get violations(): readonly RuleId[] {
    return [...this.#violations];
  }

  get sdpFaults(): readonly SdpFault[] {
    return this.#faults;
  }

  /** Meta's offer, as in the INVITE of a user's call. */
  offerSdp(): string {
    const events = this.#options.telephoneEvent === false ? undefined : OFFERED_EVENTS;
    return writeSdp(this.#localMedia(this.#offered, events), 'offer');
  }

  /**
   * Takes the 200's SDP; from here on media can be decrypted. Faults are in the violations as well.
   * @returns the rules that the SDP breaks; none for a good answer.
   */
  setAnswer(sdp: string): readonly SdpFault[] {
    this.#answerAt ??= performance.now();
    if (this.#firstMediaAt !== undefined && this.#firstMediaAt < this.#answerAt - BEFORE_200_GRACE_MS) {
      this.#violate('media-before-200');
    }
    const remote = readSdp(sdp);
    const faults = this.#judge(remote, 'answer');
    this.#agree(remote);
    return faults;
  }

  /**
   * Meta's answer to an offer of the business: the offer's payload types, without codecs that are not enabled.
   * @throws Error where there is no codec or no key in common.
   */
  answerSdp(offer: string): string {
    const remote = readSdp(offer);
    this.#judge(remote, 'offer');
    const codecs = commonCodecs(remote, this.#options.codecs);
    if (codecs.length === 0) throw new Error('SDP Validation Error: no codec of the offer is enabled');
    const crypto = usableCrypto(remote);
    if (this.#options.keying === 'sdes' && crypto === undefined) {
      throw new Error('SDP Validation Error: no a=crypto line with AES_CM_128_HMAC_SHA1_80');
    }
    this.#offered = codecs;
    const media = this.#localMedia(codecs, telephoneEventOf(remote));
    const sdp = writeSdp(media, 'answer', { mid: remote.mid, cryptoTag: crypto?.tag ?? 1 });
    this.#agree(remote);
    return sdp;
  }

  /** The ACK has gone out (or, for a call of the business, come in): time zero, and Meta's timers start. */
  markAck(): void {
    if (this.#ackAt !== undefined) return;
    this.#ackAt = performance.now();
    this.#watchdog.start(this.#ackAt);
    this.#maybeStart();
  }

  /** The call is over (BYE): what comes later is not counted, and the time since the last packet is a gap. */
  markEnd(): void {
    if (this.#endAt !== undefined) return;
    this.#endAt = performance.now();
    this.#ear.stats.gapUntil(this.#endAt);
    this.#watchdog.close();
  }

  /**
   * What is sent from now on; silence until then. A sound's first use in a share takes some 50 ms of encoding at once:
   * play it before the call.
   */
  play(source: Source): void {
    for (const codec of this.#options.codecs) this.#share.sounds.loop(source, codec);
    this.#sender.play(source);
  }

  /**
   * Sends keys as RFC 4733 events; resolves when the last end packet has left.
   * @throws Error for an unknown key, where no telephone-event was agreed, and when the peer is closed meanwhile.
   */
  sendDigits(digits: string, timing: DigitTiming = {}): Promise<void> {
    return this.#sender.sendDigits(digits, timing);
  }

  /** Keys that came as RFC 4733 events so far; the report has those heard in-band as well. */
  digits(): readonly ReceivedDigit[] {
    return this.#ear.events.digits;
  }

  /** Counters without decoding any audio: cheap, for many calls. */
  counters(): Omit<MediaReport, 'hz' | 'purity' | 'toneMs' | 'firstToneMs'> {
    const { stats } = this.#ear;
    const { packets, expected, lost, reordered, duplicates } = stats.counters;
    if (this.#ear.decrypted > 0 && this.#ear.pending > (this.#path instanceof DtlsPath ? IN_FLIGHT : 0))
      this.#violate('srtp-auth');
    return {
      loss: expected === 0 ? 0 : lost / expected,
      reordered,
      duplicates,
      firstAudioMs: this.#sinceZero(this.#ear.firstDecryptedMs),
      ssrcs: stats.ssrcCount,
      largestGapMs: stats.largestGapMs,
      largestSureGapMs: stats.largestSureGapMs,
      packets,
      jitterMs: stats.jitterMs,
      payloadTypes: [...stats.payloadTypes],
      codec: this.#ear.codec,
      digits: [...this.#ear.events.digits],
      dtls: this.#path instanceof DtlsPath ? this.#dtlsFigures(this.#path.times) : undefined,
      rtcpPackets: this.#ear.rtcpPackets,
      undecryptable: Math.max(0, packets - this.#ear.decrypted),
      packetsSent: this.#sender.packets,
      ownStallMs: this.#sender.worstLateMs,
      violations: this.violations,
    };
  }

  /** Everything, audio decoded and measured in small slices; also after close(). */
  async report(): Promise<MediaReport> {
    await this.#ear.drain(DRAIN_MS);
    if (this.#endAt !== undefined) this.#ear.events.flush();
    const heard = await runSliced(measureHeard([...this.#ear.recording.packets], this.#ear.codecs));
    const counters = this.counters();
    const inband = heard.digits.map((digit) => ({ ...digit, atMs: digit.atMs - (this.#zero ?? 0) }));
    return {
      ...counters,
      digits: [...counters.digits, ...inband].sort((a, b) => a.atMs - b.atMs),
      hz: heard.tone?.hz,
      purity: heard.tone?.purity,
      toneMs: heard.toneMs,
      firstToneMs: this.#sinceZero(heard.firstToneAtMs),
    };
  }

  /** Resolves when this tone was heard for a second, from now on. @throws Error after `limitMs` */
  hears(hz: number, limitMs = 20_000): Promise<Span> {
    return hearTone(this.#ear.recording.packets, this.#ear.codecs, hz, limitMs);
  }

  /** The purest second that was heard in a time; heavy as `report()` is. */
  async tone(span: Span): Promise<ToneMeasure | undefined> {
    return (await runSliced(measureHeard(within(this.#ear.recording.packets, span), this.#ear.codecs))).tone;
  }

  /** Stops sending and frees socket, engine and timers. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#endAt ??= performance.now();
    this.#watchdog.close();
    clearInterval(this.#rtcpTimer);
    this.#sender.close();
    if (this.#options.share === undefined) this.#share.close();
    await this.#ear.drain(DRAIN_MS);
    this.#ear.events.flush();
    await this.#path.close();
    await this.#socket.close();
  }

  /** What times count from: the ACK, or the first packet where there was none. */
  get #zero(): number | undefined {
    return this.#ackAt ?? this.#firstMediaAt;
  }

  #sinceZero(at: number | undefined): number | undefined {
    return at === undefined || this.#zero === undefined ? undefined : at - this.#zero;
  }

  #pathEvents(): PathEvents {
    return {
      onReady: () => {
        this.#ready = true;
        this.#maybeStart();
      },
      onRtp: (packet, arrivalMs) => {
        if (arrivalMs > (this.#endAt ?? Infinity)) return;
        const first = this.#ear.decrypted === 0;
        this.#ear.packet(packet, arrivalMs);
        if (!first) return;
        this.#maybeStart();
        this.emit('firstPacket');
      },
      onRtcp: (packet, arrivalMs) => {
        if (this.#endAt !== undefined) return;
        this.#ear.rtcp(arrivalMs);
        const report = ntpOfReport(packet);
        if (report !== undefined) this.#lastSenderReport = { ...report, at: arrivalMs };
      },
      onViolation: (rule) => this.#violate(rule),
    };
  }

  #datagram(datagram: Buffer, address: string, port: number): void {
    const arrivalMs = performance.now();
    const kind = classify(datagram);
    if (this.#endAt === undefined && (kind === 'rtp' || kind === 'rtcp')) {
      this.#firstMediaAt ??= arrivalMs;
      if (kind === 'rtp') {
        this.#ear.datagram(datagram, arrivalMs, this.#ready, this.#share.clock.heldUpMs(arrivalMs));
      }
    }
    this.#path.receive(datagram, address, port, arrivalMs);
  }

  #judge(remote: RemoteSdp, role: 'offer' | 'answer'): readonly SdpFault[] {
    const { keying, codecs, telephoneEvent = true } = this.#options;
    const faults = checkSdp(remote, role, { keying, codecs, telephoneEvent });
    this.#faults.push(...faults);
    for (const fault of faults) this.#violate(fault.rule);
    return faults;
  }

  #agree(remote: RemoteSdp): void {
    const codecs = commonCodecs(remote, this.#options.codecs);
    const eventPayloadType = telephoneEventOf(remote);
    this.#ear.expect(codecs, eventPayloadType);
    const best = codecs[0];
    if (best !== undefined) this.#sender.agree({ ...best, eventPayloadType });
    this.#path.agree(remote);
  }

  /** Media starts after the ACK, once there are keys, and where asked not before the business has spoken. */
  #maybeStart(): void {
    const maiden = this.#options.waitForMaiden === false || this.#ear.decrypted > 0;
    if (!this.#ready || !maiden || this.#ackAt === undefined || this.#closing !== undefined) return;
    this.#sender.start();
    this.#rtcpTimer ??= setInterval(() => this.#sendRtcp(), RTCP_INTERVAL_MS);
  }

  #sendRtcp(): void {
    const { stats } = this.#ear;
    const ssrc = stats.ssrcs.at(-1);
    const block = ssrc === undefined ? undefined : stats.blockOf(ssrc);
    const last = this.#lastSenderReport;
    const { lost, expected } = stats.counters;
    const report =
      ssrc === undefined || block === undefined
        ? undefined
        : {
            ssrc,
            lost,
            expected,
            highestSequence: block.highest,
            jitter: block.jitter,
            lastReport: last?.ssrc === ssrc ? { ntp: last.ntp, agoMs: performance.now() - last.at } : undefined,
          };
    this.#path.sendRtcp(senderReport(this.#sender, report, 'WhatsAppAudioStream1'));
  }

  #localMedia(codecs: LocalMedia['codecs'], eventPayloadType: number | undefined): LocalMedia {
    const dtls = this.#path instanceof DtlsPath ? this.#path : undefined;
    return {
      keying: this.#options.keying,
      address: this.#options.address,
      port: this.#socket.port,
      codecs,
      eventPayloadType,
      ssrc: this.#ssrc,
      streamId: this.#streamId,
      ice: dtls?.ice ?? { ufrag: '', pwd: '' },
      fingerprint: dtls?.fingerprint ?? '',
      inlineKey: this.#key.toString('base64'),
      deadIpv6Candidate: this.#options.deadIpv6Candidate ?? true,
    };
  }

  #dtlsFigures(times: DtlsTimes): DtlsFigures {
    return {
      clientHelloFirstMs: this.#sinceZero(times.clientHelloFirst),
      clientHellosDropped: times.clientHellosDropped,
      iceFirstCheckMs: this.#sinceZero(times.iceFirstCheck),
      iceNominatedMs: this.#sinceZero(times.iceNominated),
      dtlsDoneMs: this.#sinceZero(times.dtlsDone),
      roleConflicts: times.roleConflicts,
    };
  }

  #violate(rule: RuleId): void {
    if (this.#violations.has(rule)) return;
    this.#violations.add(rule);
    this.emit('violation', rule);
  }
}
