/** Calls out: six ways of media. Asterisk calls a user and runs the dialogue of extension 600 or 601 with him. */
import type { OutboundRoute } from '../processes/index.js';
import { type Callees, localChannel } from './callees.js';
import { MEDIA_PAIRS, openUser, playPairs, type MediaPair, type Placed } from './media-pairs.js';
import { USER_HZ } from './measure.js';
import type { PlayedCall } from './result.js';
import type { Stage, StageNumber } from './stage.js';

const ROUTES: readonly OutboundRoute[] = MEDIA_PAIRS.map(({ pbx }, i) => ({
  ...{ prefix: `91${i}`, number: `+1555010020${i}` },
  trunk: pbx === 'pcma' ? 'wa-trunk-pcma' : 'wa-trunk-opus',
}));

export const PAIR_ROUTES = ROUTES;
export const PAIR_NUMBERS: readonly StageNumber[] = MEDIA_PAIRS.map(({ keying, whatsapp }, i) => ({
  ...{ number: `+1555010020${i}`, keying, codecs: [whatsapp], trunk: 'pbx' },
}));

export function playPairsOut(stage: Stage, callees: Callees): Promise<PlayedCall[]> {
  return playPairs(stage, 'business-initiated', (pair, i) => place(stage, callees, pair, ROUTES[i]!));
}

async function place(stage: Stage, callees: Callees, pair: MediaPair, route: OutboundRoute): Promise<Placed> {
  const peer = await openUser(stage, pair);
  peer.play({ kind: 'tone', hz: USER_HZ });
  const user = callees.add({ kind: 'answer', media: peer });
  const { call, startedAt } = await callees.originate(route, user, pair.endedBy === 'user' ? '600' : '601');
  return {
    ...{ pair, peer, call, startedAt },
    isOfPbx: ({ channel }) => channel.startsWith(`${localChannel(route, user)}@`),
    legs: (ladders) => ladders.businessCall(call.id.callId, user),
  };
}
