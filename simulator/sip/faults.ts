/** What can be wrong with an INVITE on purpose. */
export type InviteFault =
  'no-sdp' | 'no-audio' | 'no-fingerprint' | 'unknown-codecs' | 'oversized-body' | 'missing-contact';

const OVERSIZE = 100_000;

/** The offer with the fault in it; undefined for none at all. */
export function damage(offer: string, fault: InviteFault | undefined): string | undefined {
  switch (fault) {
    case undefined:
    case 'missing-contact':
      return offer;
    case 'no-sdp':
      return undefined;
    case 'no-audio':
      return `${offer.slice(0, offer.indexOf('m=audio'))}m=video 3480 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n`;
    case 'no-fingerprint':
      return offer.replace(/^a=(?:fingerprint|crypto):.*\r\n/gm, '');
    case 'unknown-codecs':
      return offer
        .replace(/^a=(?:rtpmap|fmtp|rtcp-fb):.*\r\n/gm, '')
        .replace(/^(m=audio \d+ \S+) .*\r\n/m, '$1 120\r\n')
        .concat('a=rtpmap:120 VMR-WB/16000\r\n');
    case 'oversized-body': {
      const line = `a=x-padding:${'x'.repeat(980)}\r\n`;
      return offer + line.repeat(Math.ceil(OVERSIZE / line.length));
    }
  }
}
