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

/** The trunk's codecs beside Meta's: the same where both have it, transcoded where not. */
export function codecArguments(whatsapp: readonly WhatsAppCodec[], pbx: readonly PbxCodec[]): NgArguments {
  const transcode = pbx.filter((c) => !whatsapp.includes(c)).map((c) => (c === 'opus' ? OPUS_ENCODER : c));
  const mask = whatsapp.filter((c) => !pbx.includes(c));
  return {
    codec: {
      ...(transcode.length > 0 ? { transcode } : {}),
      // Mask, not strip: what is stripped cannot be transcoded to.
      ...(mask.length > 0 ? { mask } : {}),
      ...(whatsapp.includes('opus') ? { set: [OPUS_ENCODER] } : {}),
    },
  };
}

export function directionArguments(interfaces: RtpengineConfig['interfaces']): NgArguments {
  return interfaces === undefined ? {} : { direction: [interfaces.whatsapp, interfaces.pbx] };
}
