import type { RtpengineConfig } from '../config/types.js';
import type { Conditioner, RelayHandle } from './conditioner/conditioner.js';
import type { RelayRoute } from './conditioner/messages.js';
import type { Log } from './log.js';
import { NgRefusal, NgTimeout, type NgArguments, type NgReply } from './ng/client.js';
import { FROM_TAG, type Node } from './node.js';
import { MediaFailure, type MediaSession, type MediaStats, type UserCallMedia } from './port.js';
import { PROFILES, codecArguments, directionArguments } from './profiles.js';
import { answerForNode, planPbxOffer, readPbxAnswer, writePbxOffer, type PbxOffer } from './sdp/pbx.js';
import { readAudio, type AudioFacts, type Format } from './sdp/read.js';
import { answerForWhatsApp, offerForNode, type DtlsStage, type WhatsAppOffer } from './sdp/whatsapp.js';
import { Handshake } from './handshake.js';
import { mediaStats } from './stats.js';

const STAGES: readonly DtlsStage[] = ['hold', 'ice', 'hello'];
/** Session id of our SDPs (RFC 8866, 5.2): numeric; every call has its own dialogs, so one will do. */
const ORIGIN = String(Date.now());
const TAGS = { 'from-tag': FROM_TAG, 'to-tag': 'pbx' };

export interface SessionParts {
  readonly request: UserCallMedia;
  readonly offer: WhatsAppOffer;
  readonly callId: string;
  readonly node: Node;
  readonly relay: RelayHandle;
  readonly log: Log;
}

/** One call's media: a session on a node and a relay before it. */
export class UserCallSession implements MediaSession {
  readonly pbxOffer: string;
  readonly #parts: SessionParts;
  readonly #plan: PbxOffer;
  /** rtpengine's plain side. */
  readonly #nodeSide: AudioFacts;
  /** Known from the PBX's answer on. */
  #route: RelayRoute | undefined;
  #handshake: Handshake | undefined;
  /** Resolves when the session has ended. */
  readonly closed: Promise<void>;
  #resolveClosed: () => void = () => undefined;
  #closing: Promise<MediaStats | undefined> | undefined;

  private constructor(parts: SessionParts, plan: PbxOffer, nodeSide: AudioFacts) {
    this.#parts = parts;
    this.#plan = plan;
    this.#nodeSide = nodeSide;
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve));
    const { config } = parts.node;
    const told = config.advertised?.pbx ?? config.relayAddress;
    this.pbxOffer = writePbxOffer(plan, ORIGIN, told, parts.relay.port);
  }

  /** Makes the session on `node`. @throws NgTimeout, NgRefusal, MediaFailure; the caller cleans up. */
  static async open(
    request: UserCallMedia,
    offer: WhatsAppOffer,
    callId: string,
    node: Node,
    deps: { readonly conditioner: Conditioner; readonly log: Log; readonly onLost: (reason: string) => void },
  ): Promise<UserCallSession> {
    // Both at once: the relay's port does not depend on what rtpengine answers.
    const opening = openRelay(deps.conditioner, node.config, deps.onLost);
    opening.catch(() => undefined); // looked at below, perhaps after it has failed
    try {
      const reply = await node.request('offer', callId, offerArguments(request, offer, node.config, 'hold'));
      const sdp = sdpOf(reply, 'offer');
      const event = offer.facts.events.at8000;
      const plan = planPbxOffer(sdp, request.pbxCodecs, offer.opus, event);
      const relay = await opening;
      node.watch(callId, deps.onLost);
      return new UserCallSession({ request, offer, callId, node, relay, log: deps.log }, plan, readAudio(sdp, 'offer'));
    } catch (error) {
      await closeRelay(opening);
      throw error;
    }
  }

  async answer(pbxAnswer: string, pbxAddress?: string): Promise<string> {
    const { offer, node, relay, callId } = this.#parts;
    const pbx = readPbxAnswer(pbxAnswer, this.#plan);
    const format = this.#planned(pbx.format);
    const whatsapp = whatsappFormat(offer, format);
    // rtpengine takes telephone-event/8000 beside Opus/48000 for a stray: it turns the PBX's events into tones, or holds
    // them back by the ratio of the clocks. Unknown to it, they pass as they are.
    const event = whatsapp.codec === 'opus' ? undefined : offer.facts.events.at8000;
    const { relayAddress } = node.config;
    const sdp = answerForNode(format, event, ORIGIN, relayAddress, relay.port);
    const reply = await this.#command('answer', callId, { ...TAGS, sdp, ...PROFILES[offer.keying].answer });
    this.#route = {
      node: { address: this.#nodeSide.address, port: this.#nodeSide.port },
      pbx: { address: pbx.address, port: pbx.port },
      pbxAddresses: [pbx.address, ...(pbxAddress === undefined ? [] : [pbxAddress])],
      codec: format.codec,
      nodePayloadTypes: { audio: format.payloadType, ...eventType(offer.facts.events.at8000) },
      pbxPayloadTypes: { audio: pbx.format.payloadType, ...eventType(pbx.event?.payloadType) },
      pbxEventKhz: pbx.event?.khz ?? 8,
    };
    return answerForWhatsApp(offer, sdpOf(reply, 'answer'), {
      format: whatsapp,
      id: ORIGIN,
      advertised: node.config.advertised?.whatsapp,
    });
  }

  start(): void {
    if (this.#route === undefined) return;
    this.#parts.relay.start(this.#route);
    if (this.#parts.offer.keying === 'dtls' && this.#handshake === undefined && this.#closing === undefined) {
      this.#handshake = new Handshake((stage) => this.#offerAgain(stage), this.#parts.log);
    }
  }

  close(): Promise<MediaStats | undefined> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #offerAgain(stage: DtlsStage): Promise<void> {
    const { request, offer, node, callId } = this.#parts;
    await node.request('offer', callId, { ...offerArguments(request, offer, node.config, stage), ...TAGS });
  }

  async #close(): Promise<MediaStats | undefined> {
    this.#handshake?.close();
    const { node, relay, callId } = this.#parts;
    const [counters, reply] = await Promise.all([relay.close(), node.delete(callId)]);
    this.#resolveClosed();
    return mediaStats(reply, FROM_TAG, counters);
  }

  #planned(format: Format): Format {
    const planned = this.#plan.formats.find((f) => f.codec === format.codec);
    if (planned === undefined) throw new MediaFailure('sdp', `the PBX answered ${format.codec}, which was not offered`);
    return planned;
  }

  async #command(command: 'answer', callId: string, args: NgArguments): Promise<NgReply> {
    try {
      return await this.#parts.node.request(command, callId, args);
    } catch (error) {
      if (error instanceof NgTimeout || error instanceof NgRefusal) {
        throw new MediaFailure('unavailable', error.message, { cause: error });
      }
      throw error;
    }
  }
}

function offerArguments(
  request: UserCallMedia,
  offer: WhatsAppOffer,
  config: RtpengineConfig,
  stage: DtlsStage,
): NgArguments {
  return {
    'from-tag': FROM_TAG,
    sdp: offerForNode(offer, { ipv6: config.ipv6, id: ORIGIN, version: 1 + STAGES.indexOf(stage), stage }),
    ...PROFILES[offer.keying].offer,
    ...codecArguments(
      offer.formats.map((f) => f.codec),
      request.pbxCodecs,
    ),
    ...directionArguments(config.interfaces),
  };
}

/** The same codec where Meta has it, else Opus, else what there is. */
function whatsappFormat(offer: WhatsAppOffer, pbx: Format): Format {
  const found =
    offer.formats.find((f) => f.codec === pbx.codec) ??
    offer.formats.find((f) => f.codec === 'opus') ??
    offer.formats[0];
  if (found === undefined) throw new MediaFailure('sdp', 'no codec is left for WhatsApp');
  return found;
}

function eventType(payloadType: number | undefined): { event?: number } {
  return payloadType === undefined ? {} : { event: payloadType };
}

async function openRelay(
  conditioner: Conditioner,
  config: RtpengineConfig,
  onLost: (reason: string) => void,
): Promise<RelayHandle> {
  try {
    return await conditioner.open(config.relayAddress, onLost);
  } catch (error) {
    throw new MediaFailure('unavailable', error instanceof Error ? error.message : String(error), { cause: error });
  }
}

async function closeRelay(opening: Promise<RelayHandle>): Promise<void> {
  try {
    await (await opening).close();
  } catch {
    // It never opened, and its reason is no longer of interest.
  }
}

function sdpOf(reply: NgReply, what: string): string {
  const { sdp } = reply;
  if (typeof sdp !== 'string') throw new MediaFailure('unavailable', `rtpengine's reply to "${what}" has no SDP`);
  return sdp;
}
