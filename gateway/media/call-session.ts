import { KEYS } from './conditioner/event.js';
import type { Conditioner, RelayHandle } from './conditioner/conditioner.js';
import type { RtpengineConfig } from '../config/types.js';
import type { Handshake } from './handshake.js';
import type { Log } from './log.js';
import { NgRefusal, NgTimeout, type NgArguments, type NgReply } from './ng/client.js';
import type { Node } from './node.js';
import type { PbxLeg } from './pbx-leg.js';
import { MediaFailure, type CallMedia, type MediaStats, type MediaTrouble, type PbxSide } from './port.js';
import { mediaStats } from './stats.js';

/** Session id of our SDPs (RFC 8866, 5.2): numeric; every call has its own dialogs, so one will do. */
export const ORIGIN = String(Date.now());
/** Keys of SIP INFO that are shorter are not heard everywhere; longer than RFC 4733 can say they need not be. Ms. */
const KEY_MS = { min: 40, max: 8000 };

/** What every session is opened with. */
export interface SessionDeps {
  readonly conditioner: Conditioner;
  readonly log: Log;
  readonly silenceMs: number;
}

export interface SessionParts {
  readonly request: CallMedia;
  readonly callId: string;
  readonly node: Node;
  readonly relay: RelayHandle;
  readonly log: Log;
}

/** One call's media: a session on a node, and a relay before it that bears all that the PBX changes. */
export abstract class CallSession implements PbxSide {
  /** Resolves when the session has ended. */
  readonly closed: Promise<void>;
  protected readonly parts: SessionParts;
  protected readonly leg: PbxLeg;
  protected handshake: Handshake | undefined;
  #resolveClosed: () => void = () => undefined;
  #closing: Promise<MediaStats | undefined> | undefined;

  protected constructor(parts: SessionParts, leg: PbxLeg) {
    this.parts = parts;
    this.leg = leg;
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve));
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- a failure is a rejection
  async pbxOffers(sdp: string, pbxAddress?: string): Promise<string> {
    return this.leg.takeOffer(sdp, pbxAddress);
  }

  offerToPbx(): string {
    return this.leg.offer();
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- a failure is a rejection
  async pbxAnswers(sdp: string, pbxAddress?: string): Promise<void> {
    this.leg.takeAnswer(sdp, pbxAddress);
  }

  sendKey(key: string, durationMs: number): void {
    const code = key === '' ? -1 : KEYS.indexOf(key.toUpperCase());
    if (code < 0 || key.length !== 1) {
      this.parts.log.debug({ callId: this.parts.callId, key }, 'SIP INFO names no key of 0-9, *, #, A-D; left out');
      return;
    }
    this.parts.relay.key(code, Math.min(KEY_MS.max, Math.max(KEY_MS.min, Math.round(durationMs) || 0)));
  }

  close(): Promise<MediaStats | undefined> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  protected get closing(): boolean {
    return this.#closing !== undefined;
  }

  /** WhatsApp's side in rtpengine's figures. */
  protected abstract readonly whatsappTag: string;

  /** @throws MediaFailure 'unavailable' */
  protected async command(command: 'offer' | 'answer', args: NgArguments): Promise<string> {
    try {
      return sdpOf(await this.parts.node.request(command, this.parts.callId, args), command);
    } catch (error) {
      if (error instanceof NgTimeout || error instanceof NgRefusal) {
        throw new MediaFailure('unavailable', error.message, { cause: error });
      }
      throw error;
    }
  }

  async #close(): Promise<MediaStats | undefined> {
    this.handshake?.close();
    const { node, relay, callId } = this.parts;
    const [counters, reply] = await Promise.all([relay.close(), node.delete(callId)]);
    this.#resolveClosed();
    return mediaStats(reply, this.whatsappTag, counters);
  }
}

/** @throws MediaFailure 'unavailable' when no port can be bound */
export async function openRelay(
  { conditioner, silenceMs }: SessionDeps,
  { relayAddress }: RtpengineConfig,
  { onLost, onTrouble }: { readonly onLost: (reason: string) => void; readonly onTrouble?: (t: MediaTrouble) => void },
): Promise<RelayHandle> {
  try {
    return await conditioner.open({ address: relayAddress, silenceMs }, { onLost, onTrouble });
  } catch (error) {
    throw new MediaFailure('unavailable', error instanceof Error ? error.message : String(error), { cause: error });
  }
}

export function sdpOf(reply: NgReply, what: string): string {
  const { sdp } = reply;
  if (typeof sdp !== 'string') throw new MediaFailure('unavailable', `rtpengine's reply to "${what}" has no SDP`);
  return sdp;
}

/** What the PBX is told as our address. */
export function addressForPbx(config: RtpengineConfig): string {
  return config.advertised?.pbx ?? config.relayAddress;
}
