import type { PbxCodec, RtpengineConfig } from '../config/types.js';
import type { NodeRoute } from './conditioner/messages.js';
import {
  CallSession,
  ORIGIN,
  addressForPbx,
  openRelay,
  sdpOf,
  type SessionDeps,
  type SessionParts,
} from './call-session.js';
import { Handshake } from './handshake.js';
import type { NgArguments } from './ng/client.js';
import { CALLEE, CALLER, type Node } from './node.js';
import { PbxLeg } from './pbx-leg.js';
import { MediaFailure, type BusinessCallMedia, type BusinessCallMediaSession } from './port.js';
import { BUSINESS_PROFILES, businessCodecArguments, directionArguments } from './profiles.js';
import {
  planBusinessOffer,
  readBusinessAnswer,
  shownEvent,
  writeBusinessOffer,
  type BusinessOffer,
} from './sdp/business.js';
import { ownPbxOffer, pbxForNode, readPbxOffer } from './sdp/pbx.js';
import { readAudio, type Format } from './sdp/read.js';
import { OPUS_DEFAULT, whatsappForNode, type DtlsStage, type WhatsAppSide } from './sdp/whatsapp.js';

/** rtpengine's plain side, for the life of the session: its numbers are ours alone. */
const PLAIN: Readonly<Record<PbxCodec, Format>> = {
  opus: { codec: 'opus', payloadType: 111 },
  PCMA: { codec: 'PCMA', payloadType: 8 },
  PCMU: { codec: 'PCMU', payloadType: 0 },
};

interface BusinessCallParts extends SessionParts {
  readonly request: BusinessCallMedia;
  readonly plain: Format;
  readonly plan: BusinessOffer;
}

/** The media of a call from the PBX to a WhatsApp user. */
export class BusinessCallSession extends CallSession implements BusinessCallMediaSession {
  readonly whatsappOffer: string;
  protected readonly whatsappTag = CALLEE;
  readonly #parts: BusinessCallParts;
  /** The answer to the PBX's offer; undefined where it made none. */
  readonly #pbxAnswer: string | undefined;
  /** Known from Meta's answer on. */
  #route: NodeRoute | undefined;

  private constructor(parts: BusinessCallParts) {
    const { relay, node, request, plan } = parts;
    const offer = ownPbxOffer(request.pbxCodecs, OPUS_DEFAULT);
    super(
      parts,
      new PbxLeg({ relay, address: addressForPbx(node.config), codecs: request.pbxCodecs, offer, id: ORIGIN }),
    );
    this.#parts = parts;
    this.whatsappOffer = writeBusinessOffer(plan, ORIGIN, node.config.advertised?.whatsapp);
    const { pbxOffer, pbxAddress } = request;
    this.#pbxAnswer = pbxOffer === undefined ? undefined : this.leg.takeOffer(pbxOffer, pbxAddress);
  }

  /** Makes the session on `node`. @throws NgTimeout, NgRefusal, MediaFailure; the caller cleans up. */
  static async open(
    request: BusinessCallMedia,
    callId: string,
    node: Node,
    deps: SessionDeps,
  ): Promise<BusinessCallSession> {
    const plain = PLAIN[codecOf(request)];
    const relay = await openRelay(deps, node.config, request);
    try {
      const offer = offerArguments(request, plain, node.config, relay.port);
      const sdp = sdpOf(await node.request('offer', callId, offer), 'offer');
      const plan = planBusinessOffer(sdp, request.keying, request.whatsappCodecs, plain.codec);
      const session = new BusinessCallSession({ request, callId, node, relay, log: deps.log, plain, plan });
      node.watch(callId, { onLost: request.onLost, hears: () => relay.hearsNode });
      return session;
    } catch (error) {
      await relay.close();
      throw error;
    }
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- a failure is a rejection
  async ringback(): Promise<string> {
    if (this.leg.terms === undefined) throw new MediaFailure('sdp', "no ringing tone: the PBX's INVITE had no SDP");
    this.parts.relay.ring();
    return this.#pbxAnswer ?? this.leg.offer();
  }

  async answer(whatsappAnswer: string): Promise<string> {
    const { plan, plain } = this.#parts;
    const { side, event } = readBusinessAnswer(whatsappAnswer, plan);
    const { address, port } = readAudio(await this.#show(side, 'ice'), "rtpengine's answer");
    this.#route = { endpoint: { address, port }, audio: plain, ...(event === undefined ? {} : { event }) };
    // Meta answers checks from its 200 on, and never is the DTLS client; were it once, there is nothing to be timed.
    if (plan.keying === 'dtls' && side.facts.setup !== 'active' && !this.closing) {
      this.handshake ??= new Handshake('hello', async (stage) => void (await this.#show(side, stage)), this.parts.log);
    }
    return this.#pbxAnswer ?? this.leg.offer();
  }

  start(): void {
    if (this.#route !== undefined) this.parts.relay.start(this.#route);
  }

  #show(side: WhatsAppSide, stage: DtlsStage): Promise<string> {
    const { ipv6 } = this.parts.node.config;
    const version = stage === 'ice' ? 1 : 2;
    return this.command('answer', {
      'from-tag': CALLER,
      'to-tag': CALLEE,
      sdp: whatsappForNode(side, { ipv6, id: ORIGIN, version, stage }),
      ...BUSINESS_PROFILES[side.keying].answer,
    });
  }
}

/** The codec of the PBX's offer that will be used. @throws MediaFailure 'sdp' */
export function codecOf({ pbxOffer, pbxCodecs }: BusinessCallMedia): PbxCodec {
  if (pbxOffer !== undefined) return readPbxOffer(pbxOffer, pbxCodecs).format.codec;
  const [first] = pbxCodecs;
  if (first === undefined) throw new MediaFailure('sdp', 'the trunk has no codec');
  return first;
}

function offerArguments(request: BusinessCallMedia, plain: Format, config: RtpengineConfig, port: number): NgArguments {
  return {
    'from-tag': CALLER,
    sdp: pbxForNode(plain, shownEvent(plain.codec), ORIGIN, config.relayAddress, port),
    ...BUSINESS_PROFILES[request.keying].offer,
    ...businessCodecArguments(plain.codec, request.whatsappCodecs),
    ...directionArguments(config.interfaces, 'pbx'),
  };
}
