/** A SIP phone (or a plain trunk peer) on loopback: what agents have behind the PBX. */
import { setTimeout as delay } from 'node:timers/promises';
import { cseq, header, statusOf, type SipText } from '../../simulator/sip/sip-text.js';
import { createMediaShare, type MediaShare } from '../../simulator/media/share.js';
import { PhoneCall, type CallHost } from './call.js';
import { authorization } from './digest.js';
import { type FirstSequence, PhoneMedia } from './media.js';
import { newBranch, newTag, responseTo, SipWire, type Peer, type WireMessage } from './wire.js';

export interface PhoneOptions {
  readonly user: string;
  /** Registers with it, and answers challenges; without it the phone is one that the PBX knows by its address. */
  readonly password?: string;
  /** The PBX. */
  readonly peer: Peer;
  /** Where it is; default a free UDP port on 127.0.0.2: the gateway, which the PBX knows by its address, has 127.0.0.1. */
  readonly address?: string;
  readonly port?: number;
  /** The tone that it says, Hz; silence without one. */
  readonly hz?: number;
  readonly share?: MediaShare;
  readonly firstSequence?: FirstSequence;
}

const RING_LIMIT_MS = 20_000;
/** How long a PBX may take to answer a BYE when the phone goes. */
const GOODBYE_MS = 1000;

export class Phone {
  readonly #calls = new Map<string, PhoneCall>();
  readonly #media = new Set<PhoneMedia>();
  readonly #rung: PhoneCall[] = [];
  readonly #waiting: ((call: PhoneCall) => void)[] = [];
  readonly #share: MediaShare;
  #wire!: SipWire;
  #closing: Promise<void> | undefined;

  private constructor(private readonly options: PhoneOptions) {
    this.#share = options.share ?? createMediaShare();
  }

  /** @throws Error when the PBX does not take its registration; then nothing is left open */
  static async open(options: PhoneOptions): Promise<Phone> {
    const phone = new Phone(options);
    phone.#wire = await SipWire.open(
      phone.#address,
      options.port ?? 0,
      (request, from) => void phone.#receive(request, from),
    );
    try {
      if (options.password !== undefined) await phone.#register();
    } catch (error) {
      await phone.close();
      throw error;
    }
    return phone;
  }

  get port(): number {
    return this.#wire.port;
  }

  /** Every SIP message so far. */
  get messages(): readonly WireMessage[] {
    return this.#wire.messages;
  }

  /** Dials an extension, or a whole URI. */
  async call(target: string, headers: readonly (readonly [string, string])[] = []): Promise<PhoneCall> {
    const media = await this.#openMedia();
    const call = PhoneCall.calling(this.#host(), media, this.uri(target), headers);
    this.#calls.set(call.callId, call);
    return call;
  }

  /** The URI of an extension at the PBX. */
  uri(extension: string): string {
    const { address, port } = this.options.peer;
    return extension.startsWith('sip:') ? extension : `sip:${extension}@${address}:${port}`;
  }

  /** The next call that comes in, already ringing. @throws Error when none comes in time */
  async rings(timeoutMs = RING_LIMIT_MS): Promise<PhoneCall> {
    for (let rung = this.#rung.shift(); rung !== undefined; rung = this.#rung.shift()) {
      if (!rung.over) return rung; // others were given up, or taken elsewhere
    }
    return new Promise((resolve, reject) => {
      const limit = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(came), 1);
        reject(new Error(`phone ${this.options.user} did not ring in ${timeoutMs} ms`));
      }, timeoutMs);
      const came = (call: PhoneCall): void => {
        clearTimeout(limit);
        resolve(call);
      };
      this.#waiting.push(came);
    });
  }

  /** The next call that comes in, answered. */
  async answers(timeoutMs = RING_LIMIT_MS): Promise<PhoneCall> {
    const call = await this.rings(timeoutMs);
    call.answer();
    return call;
  }

  /** Ends every call, also those that ring. */
  async hangupAll(): Promise<void> {
    this.#rung.length = 0;
    await Promise.all([...this.#calls.values()].map((call) => call.hangup()));
  }

  /** Hangs up everything and goes. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const timer = new AbortController();
    const late = delay(GOODBYE_MS, undefined, { signal: timer.signal }).catch(() => undefined);
    await Promise.race([this.hangupAll(), late]);
    timer.abort();
    await this.#wire.close();
    await Promise.all([...this.#media].map((media) => media.close()));
    if (this.options.share === undefined) this.#share.close();
  }

  async #register(): Promise<void> {
    const { user, peer } = this.options;
    const address = `<sip:${user}@${peer.address}:${peer.port}>`;
    const request = (number: number, extra: readonly (readonly [string, string])[]): SipText => ({
      startLine: `REGISTER sip:${peer.address}:${peer.port} SIP/2.0`,
      headers: [
        this.#via(newBranch()),
        ['Max-Forwards', '70'],
        ['From', `${address};tag=${newTag()}`],
        ['To', address],
        ['Call-ID', `register-${user}-${this.port}`],
        ['CSeq', `${number} REGISTER`],
        ['Contact', this.#contact],
        ['Expires', '3600'],
        ...extra,
      ],
      body: '',
    });
    const first = request(1, []);
    let response = await this.#wire.request(first, peer);
    const credentials = response && this.#credentials(first, response);
    if (credentials !== undefined) response = await this.#wire.request(request(2, [credentials]), peer);
    const status = response && statusOf(response);
    if (status !== 200) throw new Error(`phone ${user}: REGISTER got ${response?.startLine ?? 'no response'}`);
  }

  async #receive(request: SipText, from: Peer): Promise<void> {
    const known = this.#calls.get(header(request, 'call-id') ?? '');
    if (known !== undefined) return known.receive(request, from);
    switch (cseq(request)?.method) {
      case 'ACK':
        return;
      case 'OPTIONS':
      case 'NOTIFY':
        return this.#wire.respond(responseTo(request, 200, 'OK', newTag()), from);
      case 'INVITE': {
        const call = PhoneCall.called(this.#host(), await this.#openMedia(), request, from);
        this.#calls.set(call.callId, call);
        call.ring();
        const waiting = this.#waiting.shift();
        if (waiting === undefined) this.#rung.push(call);
        else waiting(call);
        return;
      }
      default:
        return this.#wire.respond(responseTo(request, 481, 'Call/Transaction Does Not Exist', newTag()), from);
    }
  }

  async #openMedia(): Promise<PhoneMedia> {
    const media = await PhoneMedia.open(this.#share, this.#address, this.options.firstSequence);
    this.#media.add(media);
    if (this.options.hz !== undefined) media.play({ kind: 'tone', hz: this.options.hz });
    return media;
  }

  #host(): CallHost {
    const wire = this.#wire;
    return {
      user: this.options.user,
      contact: this.#contact,
      peer: this.options.peer,
      via: (branch) => this.#via(branch),
      request: (request, to) => wire.request(request, to),
      respond: (response, to) => wire.respond(response, to),
      send: (text, to) => wire.send(text, to),
      authorize: (request, challenge) => {
        const credentials = this.#credentials(request, challenge);
        return credentials && { ...request, headers: [...request.headers, credentials] };
      },
    };
  }

  #credentials(request: SipText, response: SipText): readonly [string, string] | undefined {
    const { user, password } = this.options;
    const status = statusOf(response);
    if (password === undefined || (status !== 401 && status !== 407)) return undefined;
    return authorization(request, response, user, password);
  }

  get #address(): string {
    return this.options.address ?? '127.0.0.2';
  }

  get #contact(): string {
    return `<sip:${this.options.user}@${this.#address}:${this.port}>`;
  }

  #via(branch: string): readonly [string, string] {
    return ['Via', `SIP/2.0/UDP ${this.#address}:${this.port};branch=${branch};rport`];
  }
}
