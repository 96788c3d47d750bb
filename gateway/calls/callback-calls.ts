/** Calls that the gateway begins itself: first an extension of the PBX, then the WhatsApp user. */
import type { Config, NumberConfig, TrunkConfig } from '../config/types.js';
import type { BusinessCallMediaSession, MediaPort } from '../media/port.js';
import { formatNameAddr } from '../sip/headers.js';
import type { Dialog, SipPort } from '../sip/port.js';
import { AnsweredLeg } from './answered-leg.js';
import type { BusinessCalls, PermissionGate } from './business-calls.js';
import { mediaOfBusinessCall } from './call-media.js';
import type { Calls } from './calls.js';
import { isWorthAnotherHost } from './failures.js';
import type { MediaWatch } from './plan.js';
import type { TrunkPeer, Trunks } from './trunks.js';

export interface Callback {
  readonly number: NumberConfig;
  /** +E.164 or a BSUID. */
  readonly user: string;
  /** Called first. */
  readonly extension: string;
}

/** `denied`: the user has taken back the permission; `no-agent`: nobody at the PBX took the call; `failed`: it was not the user. */
export type CallbackResult = 'connected' | 'unanswered' | 'denied' | 'no-agent' | 'failed';

export interface CallbackCallsDeps {
  readonly config: Pick<Config, 'gateway' | 'trunks'>;
  readonly calls: Calls;
  readonly businesses: BusinessCalls;
  readonly gate: PermissionGate;
  readonly sip: Pick<SipPort, 'invite'>;
  readonly media: Pick<MediaPort, 'openBusinessCall'>;
  readonly trunks: Trunks;
  readonly newId: () => string;
  readonly log: { warn(fields: object, message: string): void; info(fields: object, message: string): void };
}

export class CallbackCalls {
  constructor(private readonly deps: CallbackCallsDeps) {}

  /** Never rejects; resolves when the user has answered, or it is over without that. */
  async place(callback: Callback): Promise<CallbackResult> {
    const { calls, config, gate, log } = this.deps;
    const trunk = config.trunks.find(({ name }) => name === callback.number.trunk);
    if (trunk === undefined || calls.draining) return 'failed';
    try {
      // No agent is to be rung for a user who may not be called.
      const verdict = await gate.ask(callback);
      if (verdict.kind === 'deny') return 'denied';
      return await this.#place(callback, trunk);
    } catch (error) {
      log.warn({ err: error, number: callback.number.number, user: callback.user }, 'callback failed');
      return 'failed';
    }
  }

  async #place(callback: Callback, trunk: TrunkConfig): Promise<CallbackResult> {
    const { number, user } = callback;
    const media = await this.#openMedia(number, trunk);
    const leg = await this.#dialPbx(callback, trunk, media.session.offerToPbx()).catch(async (error: unknown) => {
      await media.session.close();
      throw error;
    });
    if (leg === undefined) {
      await media.session.close();
      return 'no-agent';
    }
    await media.session.pbxAnswers(leg.body, leg.source.address).catch(async (error: unknown) => {
      leg.respond({ status: 488 });
      await media.session.close();
      throw error;
    });
    return new Promise((resolve) => {
      void leg.joined.then(() => resolve('connected'));
      const begun = this.deps.businesses.begin({
        ...{ invite: leg, trunk, number, user },
        openMedia: (watch) => {
          media.watch = watch;
          return Promise.resolve(mediaOfBusinessCall(media.session));
        },
        ringback: 'rtpengine',
        // A call that was over before its media were asked for has not closed them.
        over: () => void media.session.close().then(() => resolve(resultOf(leg))),
      });
      if (!begun) void media.session.close().then(() => resolve('failed'));
    });
  }

  /** The session is there before the call; what it tells goes to the call once there is one. */
  async #openMedia(
    number: NumberConfig,
    trunk: TrunkConfig,
  ): Promise<{ session: BusinessCallMediaSession; watch?: MediaWatch }> {
    const holder: { session?: BusinessCallMediaSession; watch?: MediaWatch } = {};
    const session = await this.deps.media.openBusinessCall({
      id: this.deps.newId(),
      pbxOffer: undefined,
      keying: number.keying,
      whatsappCodecs: number.codecs,
      pbxCodecs: trunk.codecs,
      onLost: (reason) => holder.watch?.onLost(reason),
      onTrouble: (trouble) => holder.watch?.onTrouble(trouble),
      signal: new AbortController().signal,
    });
    return Object.assign(holder, { session });
  }

  /** @returns undefined when nobody took the call */
  async #dialPbx(callback: Callback, trunk: TrunkConfig, sdp: string): Promise<AnsweredLeg | undefined> {
    for (const peer of this.deps.trunks.choose(trunk.name).peers) {
      const outcome = await this.#dialHost(callback, trunk, peer, sdp);
      if (outcome === 'next') continue;
      return outcome === 'refused' ? undefined : outcome;
    }
    return undefined;
  }

  #dialHost(
    { user, number, extension }: Callback,
    trunk: TrunkConfig,
    peer: TrunkPeer,
    sdp: string,
  ): Promise<AnsweredLeg | 'next' | 'refused'> {
    const { sip, trunks, config } = this.deps;
    const target = peer.target(extension);
    const from = formatNameAddr({
      uri: `sip:${user.startsWith('+') ? user : trunk.callerAlias}@${config.gateway.hostname}`,
    });
    const headers = { 'X-WA-Trunk': trunk.name, 'X-WA-Number': number.number, 'X-WA-Callback': user };
    return new Promise((resolve) => {
      let leg: AnsweredLeg | undefined;
      const decide = (outcome: AnsweredLeg | 'next' | 'refused'): void => {
        clearTimeout(timer);
        resolve(outcome);
      };
      const reached = (how: 'answered' | 'unreachable'): void => trunks.report(trunk.name, peer.name, how);
      const giveUp = (outcome: 'next' | 'refused') => (): void => {
        call.cancel();
        decide(outcome);
      };
      let timer = setTimeout(giveUp('next'), trunk.connectTimeoutMs);
      const call = sip.invite(
        { ...target, from, headers, sdp },
        {
          provisional: () => {
            reached('answered');
            clearTimeout(timer);
            timer = setTimeout(giveUp('refused'), trunk.answerTimeoutMs);
          },
          answered: (dialog: Dialog, body) => {
            reached('answered');
            const source = { address: addressOf(body), port: 0, transport: 'udp' } as const;
            leg = new AnsweredLeg(dialog, { requestUri: target.requestUri, body, source });
            decide(leg);
          },
          failed: (failure) => {
            if (failure.kind === 'unreachable') reached('unreachable');
            decide(failure.kind === 'refused' && !isWorthAnotherHost(failure.status) ? 'refused' : 'next');
          },
          dialog: {
            acked: (answer) => leg?.acked(answer),
            cancelled: (request) => leg?.cancelled(request),
            ended: (end) => leg?.ended(end),
            request: (request) => (leg === undefined ? request.respond({ status: 491 }) : leg.request(request)),
          },
        },
      );
    });
  }
}

function resultOf(leg: AnsweredLeg): CallbackResult {
  switch (leg.refusal) {
    case undefined:
      return 'no-agent'; // hung up before the user answered
    case 'no-answer':
    case 'declined':
      return 'unanswered';
    case 'no-permission':
      return 'denied';
    default:
      return 'failed';
  }
}

/** Where the PBX's media are: its SIP may come from elsewhere. */
function addressOf(sdp: string): string {
  return /^c=IN IP[46] (\S+)/m.exec(sdp)?.[1] ?? '';
}
