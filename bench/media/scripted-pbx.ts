/** A PBX side that does on command what PBXs do to media: fall silent, change SSRC and port, send keys. */
import { randomInt } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { ReceiveStats } from '../../simulator/media/receive-stats.js';
import { payloadOf, payloadTypeOf, sequenceOf, ssrcOf, timestampOf } from '../../simulator/media/rtp.js';
import { measureHeard, type HeardPacket } from '../../simulator/media/heard.js';
import { RtpSender } from '../../simulator/media/sender.js';
import type { MediaShare } from '../../simulator/media/share.js';
import { TelephoneEvents } from '../../simulator/media/telephone-events.js';
import type { Codec, ReceivedDigit, Source } from '../../simulator/media/types.js';
import { runSliced } from '../../simulator/media/measure.js';

export interface PbxHeard {
  readonly hz: number | undefined;
  readonly purity: number | undefined;
  /** Sum of the packets that were all tone. */
  readonly toneMs: number;
  readonly loss: number;
  readonly ssrcs: number;
  readonly digits: readonly ReceivedDigit[];
}

/** Takes plain RTP offers on 127.0.0.1 and answers with one codec. */
export class ScriptedPbx {
  #codec: Codec;
  readonly #share: MediaShare;
  readonly #stats = new ReceiveStats();
  readonly #heard: HeardPacket[] = [];
  readonly #events = new TelephoneEvents(
    () => 0,
    () => undefined,
  );
  #socket: Socket;
  #sender: RtpSender | undefined;
  #to = { address: '', port: 0 };
  #payloadType = 0;
  readonly #codecs = new Map<number, Codec>();
  #event: { readonly payloadType: number; readonly khz: 8 | 48 } | undefined;

  private constructor(codec: Codec, share: MediaShare, socket: Socket) {
    this.#codec = codec;
    this.#share = share;
    this.#socket = this.#listen(socket);
  }

  static async create(codec: Codec, share: MediaShare): Promise<ScriptedPbx> {
    return new ScriptedPbx(codec, share, await bound());
  }

  /** The answer to an offer; like Asterisk 22, with the 48 kHz events where Opus is chosen and both are offered. */
  answer(offer: string): string {
    const find = (pattern: RegExp): RegExpExecArray | undefined => pattern.exec(offer) ?? undefined;
    this.#to = { address: find(/^c=IN IP4 (\S+)/m)?.[1] ?? '', port: Number(find(/^m=audio (\d+)/m)?.[1]) };
    const codec = find(new RegExp(`^a=rtpmap:(\\d+) ${this.#codec}/`, 'mi'));
    if (codec === undefined) throw new Error(`the offer has no ${this.#codec}:\n${offer}`);
    this.#payloadType = Number(codec[1]);
    const wide = this.#codec === 'opus' ? find(/^a=rtpmap:(\d+) telephone-event\/48000/m) : undefined;
    const narrow = find(/^a=rtpmap:(\d+) telephone-event\/8000/m);
    this.#codecs.set(this.#payloadType, this.#codec);
    const event = wide ?? narrow;
    if (event !== undefined) this.#event = { payloadType: Number(event[1]), khz: wide === undefined ? 8 : 48 };
    const clock = this.#codec === 'opus' ? '48000/2' : '8000';
    return [
      'v=0',
      'o=- 1 1 IN IP4 127.0.0.1',
      's=pbx',
      'c=IN IP4 127.0.0.1',
      't=0 0',
      `m=audio ${this.#socket.address().port} RTP/AVP ${this.#payloadType}${event === undefined ? '' : ` ${event[1]}`}`,
      `a=rtpmap:${this.#payloadType} ${this.#codec}/${clock}`,
      ...(this.#event === undefined
        ? []
        : [`a=rtpmap:${this.#event.payloadType} telephone-event/${this.#event.khz}000`]),
      'a=ptime:20',
      'a=sendrecv',
      '',
    ].join('\r\n');
  }

  /** An offer: of a new call, or of a re-INVITE with another direction or codec. */
  offer(codec: Codec, direction: 'sendrecv' | 'sendonly' | 'inactive' = 'sendrecv', address = '127.0.0.1'): string {
    const [payloadType, event] = codec === 'opus' ? [107, 102] : [codec === 'PCMA' ? 8 : 0, 101];
    return [
      'v=0',
      'o=- 1 1 IN IP4 127.0.0.1',
      's=pbx',
      `c=IN IP4 ${address}`,
      't=0 0',
      `m=audio ${this.#socket.address().port} RTP/AVP ${payloadType} ${event}`,
      `a=rtpmap:${payloadType} ${codec}/${codec === 'opus' ? '48000/2' : '8000'}`,
      `a=rtpmap:${event} telephone-event/8000`,
      'a=ptime:20',
      `a=${direction}`,
      '',
    ].join('\r\n');
  }

  /** The answer to an offer of ours: what is heard and sent from now on. */
  agree(answer: string): void {
    const find = (pattern: RegExp): string => pattern.exec(answer)?.[1] ?? '';
    this.#to = { address: find(/^c=IN IP4 (\S+)/m), port: Number(find(/^m=audio (\d+)/m)) };
    this.#payloadType = Number(find(/^m=audio \d+ \S+ (\d+)/m));
    const event = find(/^a=rtpmap:(\d+) telephone-event\/8000/m);
    this.#event = event === '' ? undefined : { payloadType: Number(event), khz: 8 };
    const name = find(new RegExp(`^a=rtpmap:${this.#payloadType} ([^/]+)/`, 'm'));
    this.#codec = name.toLowerCase() === 'opus' ? 'opus' : name === 'PCMU' ? 'PCMU' : 'PCMA';
    this.#codecs.set(this.#payloadType, this.#codec);
  }

  /** Sends from now on, as a new stream. */
  speak(source: Source): void {
    this.silence();
    const sender = new RtpSender(randomInt(1, 2 ** 32), this.#share.clock, this.#share.sounds, (packet) =>
      this.#send(packet),
    );
    sender.agree({ codec: this.#codec, payloadType: this.#payloadType, eventPayloadType: this.#event?.payloadType });
    sender.play(source);
    sender.start();
    this.#sender = sender;
  }

  /** Sends nothing at all. */
  silence(): void {
    this.#sender?.close();
    this.#sender = undefined;
  }

  /** Sends from another port from now on, as after a transfer inside the PBX. */
  async movePort(): Promise<void> {
    const old = this.#socket;
    this.#socket = this.#listen(await bound());
    old.close();
  }

  async sendDigits(digits: string): Promise<void> {
    await this.#sender?.sendDigits(digits, { durationMs: 120, gapMs: 120 });
  }

  /** Keys that came as events so far. */
  get digits(): readonly ReceivedDigit[] {
    return this.#events.digits;
  }

  async report(): Promise<PbxHeard> {
    this.#events.flush();
    const audio = await runSliced(measureHeard(this.#heard, this.#codecs));
    const { expected, lost } = this.#stats.counters;
    return {
      hz: audio.tone?.hz,
      purity: audio.tone?.purity,
      toneMs: audio.toneMs,
      loss: expected === 0 ? 1 : lost / expected,
      ssrcs: this.#stats.ssrcCount,
      digits: [...this.#events.digits, ...audio.digits],
    };
  }

  close(): void {
    this.silence();
    this.#socket.close();
  }

  #listen(socket: Socket): Socket {
    return socket.on('message', (packet) => this.#receive(packet)).on('error', () => undefined);
  }

  #receive(packet: Buffer): void {
    const now = performance.now();
    const payloadType = payloadTypeOf(packet);
    const isEvent = payloadType === this.#event?.payloadType;
    const clock = isEvent ? undefined : this.#codec === 'opus' ? 48000 : 8000;
    this.#stats.packet(now, ssrcOf(packet), payloadType, sequenceOf(packet), timestampOf(packet), clock);
    const payload = payloadOf(packet);
    if (!isEvent) this.#heard.push({ arrivalMs: now, packet: Buffer.from(packet) });
    else if (payload !== undefined) this.#events.packet(now, timestampOf(packet), this.#scaled(payload, 1 / 6));
  }

  #send(packet: Buffer): void {
    if (payloadTypeOf(packet) === this.#event?.payloadType) this.#scaled(packet.subarray(12), 6);
    this.#socket.send(Buffer.from(packet), this.#to.port, this.#to.address);
  }

  /** Event durations between 8 kHz and what was agreed. */
  #scaled(payload: Buffer, factor: number): Buffer {
    if (this.#event?.khz === 48) payload.writeUInt16BE(Math.round(payload.readUInt16BE(2) * factor), 2);
    return payload;
  }
}

async function bound(): Promise<Socket> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject).bind(0, '127.0.0.1', () => resolve());
  });
  return socket;
}
