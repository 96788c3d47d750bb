/** Both kinds of media session under the one face that a call knows. */
import type { BusinessCallMediaSession, MediaSession } from '../media/port.js';
import type { CallMediaSession } from './plan.js';

export function mediaOfUserCall(session: MediaSession): CallMediaSession {
  return { ...common(session), offer: session.pbxOffer, answer: (sdp, address) => session.answer(sdp, address) };
}

export function mediaOfBusinessCall(session: BusinessCallMediaSession): CallMediaSession {
  return {
    ...common(session),
    offer: session.whatsappOffer,
    answer: (sdp) => session.answer(sdp),
    ringback: () => session.ringback(),
  };
}

function common(session: MediaSession | BusinessCallMediaSession): Omit<CallMediaSession, 'offer' | 'answer'> {
  return {
    start: () => session.start(),
    close: () => session.close(),
    pbxOffers: (sdp, address) => session.pbxOffers(sdp, address),
    offerToPbx: () => session.offerToPbx(),
    pbxAnswers: (sdp, address) => session.pbxAnswers(sdp, address),
    sendKey: (key, durationMs) => session.sendKey(key, durationMs),
  };
}
