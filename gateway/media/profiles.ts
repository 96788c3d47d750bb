/** What rtpengine is told with each SDP, per keying: data, so that it can be read beside rtpengine's manual. */
import type { Keying, PbxCodec, RtpengineConfig, WhatsAppCodec } from '../config/types.js';
import type { NgArguments } from './ng/client.js';

/**
 * Bit rate and error correction as Meta's own fmtp asks; rtpengine's default is 28 kbit/s. Complexity 5 of 10 takes a sixth
 * less CPU than its default of 10.
 */
export const OPUS_ENCODER = 'opus/48000/2/20000/20/useinbandfec=1/complexity=5';

interface Profile {
  readonly offer: NgArguments;
  readonly answer: NgArguments;
}

/**
 * The side of the conditioner is the same for both. No RTCP of rtpengine's making: toward a muxed SRTP peer 10.5 and 26
 * protect it with the session keys of RTP, so that the peer cannot authenticate it.
 */
const PLAIN_OFFER = { 'transport-protocol': 'RTP/AVP', ICE: 'remove', 'rtcp-mux': ['demux'], 'generate RTCP': 'off' };

const PLAIN_ANSWER = { ICE: 'remove', 'rtcp-mux': ['demux'], 'generate RTCP': 'off' };
const MUXED_OFFER = { 'rtcp-mux': ['require'], 'generate RTCP': 'off' };

export const PROFILES: Readonly<Record<Keying, Profile>> = {
  dtls: {
    offer: { ...PLAIN_OFFER, SDES: ['off'] },
    answer: { ICE: 'force', SDES: ['off'], 'rtcp-mux': ['accept'] },
  },
  sdes: {
    offer: { ...PLAIN_OFFER, DTLS: 'off' },
    answer: { ICE: 'remove', DTLS: 'off', 'rtcp-mux': ['accept'] },
  },
};

/** For calls of the PBX: rtpengine is offered plain RTP and makes the offer for Meta. */
export const BUSINESS_PROFILES: Readonly<Record<Keying, Profile>> = {
  dtls: {
    offer: { ...MUXED_OFFER, 'transport-protocol': 'UDP/TLS/RTP/SAVPF', ICE: 'force', SDES: ['off'] },
    answer: PLAIN_ANSWER,
  },
  sdes: {
    offer: { ...MUXED_OFFER, 'transport-protocol': 'RTP/SAVP', ICE: 'remove', DTLS: 'off' },
    answer: PLAIN_ANSWER,
  },
};

type AnyCodec = WhatsAppCodec | PbxCodec;

/** The codecs of the side to be offered beside those that were offered: the same where both have it, transcoded where not. */
export function codecArguments(offered: readonly AnyCodec[], wanted: readonly AnyCodec[]): NgArguments {
  const transcode = wanted.filter((c) => !offered.includes(c)).map((c) => (c === 'opus' ? OPUS_ENCODER : c));
  const mask = offered.filter((c) => !wanted.includes(c));
  return {
    codec: {
      ...(transcode.length > 0 ? { transcode } : {}),
      // Mask, not strip: what is stripped cannot be transcoded to.
      ...(mask.length > 0 ? { mask } : {}),
      ...(offered.includes('opus') ? { set: [OPUS_ENCODER] } : {}),
    },
  };
}

/**
 * The same for calls of the PBX. Nothing is masked: with a mask rtpengine's offer loses telephone-event/8000, and what Meta
 * is offered is written from it by us.
 */
export function businessCodecArguments(plain: PbxCodec, whatsapp: readonly WhatsAppCodec[]): NgArguments {
  const { codec } = codecArguments([plain], [plain, ...whatsapp.filter((c) => c !== plain)]);
  return { codec };
}

export function directionArguments(interfaces: RtpengineConfig['interfaces'], from: 'whatsapp' | 'pbx'): NgArguments {
  if (interfaces === undefined) return {};
  const { whatsapp, pbx } = interfaces;
  return { direction: from === 'whatsapp' ? [whatsapp, pbx] : [pbx, whatsapp] };
}
