import type { RtpengineConfig } from '../config/types.js';
import type { RelayHandle } from './conditioner/conditioner.js';
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
import { MediaFailure, type MediaSession, type UserCallMedia } from './port.js';
import { PROFILES, codecArguments, directionArguments } from './profiles.js';
import { pbxForNode, planPbxOffer, type PbxOffer } from './sdp/pbx.js';
import { readAudio, type AudioFacts, type Format } from './sdp/read.js';
import { answerForWhatsApp, whatsappForNode, type DtlsStage, type WhatsAppSide } from './sdp/whatsapp.js';

const STAGES: readonly DtlsStage[] = ['hold', 'ice', 'hello'];
const TAGS = { 'from-tag': CALLER, 'to-tag': CALLEE };

interface UserCallParts extends SessionParts {
  readonly request: UserCallMedia;
  readonly offer: WhatsAppSide;
  /** What the PBX is offered: rtpengine's own numbers. */
  readonly plan: PbxOffer;
  /** rtpengine's plain side. */
  readonly nodeSide: AudioFacts;
}

/** The media of a call that a WhatsApp user places. */
export class UserCallSession extends CallSession implements MediaSession {
  readonly pbxOffer: string;
  protected readonly whatsappTag = CALLER;
  readonly #parts: UserCallParts;
  /** Known from the PBX's answer on. */
  #route: NodeRoute | undefined;

  private constructor(parts: UserCallParts) {
    const { relay, node, request, plan } = parts;
    const address = addressForPbx(node.config);
    super(parts, new PbxLeg({ relay, address, codecs: request.pbxCodecs, offer: plan, id: ORIGIN }));
    this.#parts = parts;
    this.pbxOffer = this.leg.offer();
  }

  /** Makes the session on `node`. @throws NgTimeout, NgRefusal, MediaFailure; the caller cleans up. */
  static async open(
    request: UserCallMedia,
    offer: WhatsAppSide,
    callId: string,
    node: Node,
    deps: SessionDeps,
  ): Promise<UserCallSession> {
    // Both at once: the relay's port does not depend on what rtpengine answers.
    const opening = openRelay(deps, node.config, request);
    opening.catch(() => undefined); // looked at below, perhaps after it has failed
    try {
      const sdp = sdpOf(
        await node.request('offer', callId, offerArguments(request, offer, node.config, 'hold')),
        'offer',
      );
      const plan = planPbxOffer(sdp, request.pbxCodecs, offer.opus, offer.facts.events.at8000);
      const relay = await opening;
      node.watch(callId, { onLost: request.onLost, hears: () => relay.hearsNode });
      const nodeSide = readAudio(sdp, "rtpengine's offer");
      return new UserCallSession({ request, offer, callId, node, relay, plan, nodeSide, log: deps.log });
    } catch (error) {
      await closeRelay(opening);
      throw error;
    }
  }

  async answer(pbxAnswer: string, pbxAddress?: string): Promise<string> {
    const { offer, node, relay, nodeSide, plan } = this.#parts;
    this.leg.takeAnswer(pbxAnswer, pbxAddress);
    const codec = this.leg.terms?.format.codec;
    const format = plan.formats.find((f) => f.codec === codec);
    if (format === undefined) throw new MediaFailure('sdp', 'the PBX answered no codec that was offered');
    const whatsapp = whatsappFormat(offer, format);
    // rtpengine takes telephone-event/8000 beside Opus/48000 for a stray: it turns the PBX's events into tones, or holds
    // them back by the ratio of the clocks. Unknown to it, they pass as they are.
    const event = offer.facts.events.at8000;
    const shown = whatsapp.codec === 'opus' ? undefined : event;
    const sdp = pbxForNode(format, shown, ORIGIN, node.config.relayAddress, relay.port);
    const answer = await this.command('answer', { ...TAGS, sdp, ...PROFILES[offer.keying].answer });
    this.#route = {
      endpoint: { address: nodeSide.address, port: nodeSide.port },
      audio: format,
      ...(event === undefined ? {} : { event }),
    };
    const advertised = node.config.advertised?.whatsapp;
    return answerForWhatsApp(offer, answer, { format: whatsapp, id: ORIGIN, advertised });
  }

  start(): void {
    if (this.#route === undefined) return;
    const { relay, offer, log } = this.#parts;
    relay.start(this.#route);
    if (offer.keying === 'dtls' && this.handshake === undefined && !this.closing) {
      this.handshake = new Handshake('ice', (stage) => this.#offerAgain(stage), log);
    }
  }

  async #offerAgain(stage: DtlsStage): Promise<void> {
    const { request, offer, node } = this.#parts;
    await this.command('offer', { ...offerArguments(request, offer, node.config, stage), ...TAGS });
  }
}

function offerArguments(
  request: UserCallMedia,
  offer: WhatsAppSide,
  config: RtpengineConfig,
  stage: DtlsStage,
): NgArguments {
  return {
    'from-tag': CALLER,
    sdp: whatsappForNode(offer, { ipv6: config.ipv6, id: ORIGIN, version: 1 + STAGES.indexOf(stage), stage }),
    ...PROFILES[offer.keying].offer,
    ...codecArguments(
      offer.formats.map((f) => f.codec),
      request.pbxCodecs,
    ),
    ...directionArguments(config.interfaces, 'whatsapp'),
  };
}

/** The same codec where Meta has it, else Opus, else what there is. */
function whatsappFormat(offer: WhatsAppSide, pbx: Format): Format {
  const found =
    offer.formats.find((f) => f.codec === pbx.codec) ??
    offer.formats.find((f) => f.codec === 'opus') ??
    offer.formats[0];
  if (found === undefined) throw new MediaFailure('sdp', 'no codec is left for WhatsApp');
  return found;
}

async function closeRelay(opening: Promise<RelayHandle>): Promise<void> {
  try {
    await (await opening).close();
  } catch {
    // It never opened, and its reason is no longer of interest.
  }
}
