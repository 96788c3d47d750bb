/** One of Meta's rules: what it asks, where that is known from, and what Meta does to a call that breaks it. */
export interface Rule {
  readonly what: string;
  /** Meta's document, a public report from a live number, or the RFC the rule follows from. */
  readonly source: string;
  readonly consequence: string;
}

const SIP_GUIDE = 'Meta: WhatsApp Business Calling API, SIP guide';
const SIP_TROUBLES = 'Meta: WhatsApp Business Calling API, SIP troubleshooting';
const MEDIA_GUIDE = 'Meta: WhatsApp Business Calling API, integration patterns and media';

/**
 * Every rule the stand-in watches, by the id that reports use. `docs/meta-rules.md` shows the same table; a test keeps
 * the two in step.
 */
export const RULES = {
  // Media on the wire.
  'media-before-200': {
    what: 'No RTP or RTCP packet leaves before the 200 OK (one packet time of grace for reordering against TLS).',
    source: MEDIA_GUIDE,
    consequence: "The first packet counts as the answer: the caller's timer starts while the phone still rings.",
  },
  'media-start-timeout': {
    what: 'An RTP packet arrives within 20 s of the ACK; the business sends first.',
    source: SIP_TROUBLES,
    consequence: 'BYE, "not receiving any media for a long time" (408 RTP Timeout, code 138021).',
  },
  'media-gap-timeout': {
    what: 'No 30 s of the call pass without an RTP or RTCP packet, hold and silence included.',
    source: SIP_TROUBLES,
    consequence: 'BYE, "not receiving any media for a long time".',
  },
  'several-ssrcs': {
    what: 'One SSRC for the whole call.',
    source: MEDIA_GUIDE,
    consequence: 'The relay rewrites the SSRC to one value: packets of a second stream corrupt the audio.',
  },
  ptime: {
    what: 'Every packet carries 20 ms of audio, and the SDP says so or says nothing.',
    source: MEDIA_GUIDE,
    consequence: 'Garbled or missing audio.',
  },
  'payload-type': {
    what: 'Only payload types of the negotiated SDP are sent.',
    source: 'RFC 3264, section 6.1',
    consequence: 'The packets are dropped.',
  },
  'event-clock': {
    what: 'Durations in telephone-event packets count at 8000 Hz.',
    source: `${MEDIA_GUIDE}; RFC 4733, section 2.1`,
    consequence: 'A key looks several times as long, or is taken as several keys.',
  },
  'candidate-switch': {
    what: 'The nominated candidate pair stays for the whole call.',
    source: MEDIA_GUIDE,
    consequence: 'Audio breaks off while the relay follows, or for good.',
  },
  'srtp-auth': {
    what: 'Every SRTP packet authenticates with the negotiated keys.',
    source: 'RFC 3711, section 3.3',
    consequence: 'The packets are dropped.',
  },

  // SDP.
  'no-telephone-event': {
    what: 'telephone-event at 8000 Hz is in the SDP whatever the audio codec is.',
    source: MEDIA_GUIDE,
    consequence: 'Keys are lost.',
  },
  'no-opus': {
    what: 'The SDP lists a codec that is enabled for the number: Opus at 48 kHz, G.711 only where it was added.',
    source: MEDIA_GUIDE,
    consequence: 'SDP Validation Error (403), or a call without audio.',
  },
  'several-media': {
    what: 'The SDP has one audio stream and nothing else.',
    source: MEDIA_GUIDE,
    consequence: 'SDP Validation Error.',
  },
  fingerprint: {
    what: 'DTLS: the SDP has a sha-256 fingerprint, and the certificate in the handshake matches it.',
    source: SIP_TROUBLES,
    consequence: '"No fingerprint found in SDP"; a handshake that does not match is torn down.',
  },
  'dtls-role': {
    what: 'DTLS: the business is the client (a=setup:active in its answer, actpass or active in its offer).',
    source: `${MEDIA_GUIDE}; field reports`,
    consequence: 'The handshake never starts: Meta never sends a ClientHello.',
  },
  ice: {
    what: 'DTLS: the SDP has ICE credentials, and not a=ice-lite: Meta is lite, the business checks and nominates.',
    source: MEDIA_GUIDE,
    consequence: 'No path is found: no audio.',
  },
  keying: {
    what: 'The SDP keys the media as the number is set up: a fingerprint for DTLS, a=crypto for SDES, not both.',
    source: SIP_GUIDE,
    consequence: 'SDP Validation Error, or a call without audio.',
  },
  direction: {
    what: 'The stream is a=sendrecv, or says nothing: hold never shows in what Meta is told.',
    source: `${MEDIA_GUIDE}: no renegotiation`,
    consequence: 'One way stays silent for the whole call, and a media timer ends it.',
  },
  'weak-suite': {
    what: 'SDES: the suite is AES_CM_128_HMAC_SHA1_80 under the tag that was offered; offers hold strong suites only.',
    source: `${SIP_GUIDE}; RFC 4568, section 5.1.2`,
    consequence: 'No key is agreed: no audio.',
  },

  // TLS and SIP.
  'tls-certificate': {
    what: "The gateway's certificate chains up to a public CA, intermediates included.",
    source: SIP_GUIDE,
    consequence: 'No INVITE ever arrives.',
  },
  'tls-hostname': {
    what: "The gateway's certificate covers the configured hostname.",
    source: SIP_GUIDE,
    consequence: 'No INVITE ever arrives.',
  },
  'tls-client-cert-requested': {
    what: 'The gateway asks for no client certificate.',
    source: SIP_GUIDE,
    consequence: "Meta's certificate does not verify: the handshake fails.",
  },
  alpn: {
    what: 'No ALPN protocol is offered or chosen.',
    source: 'Field reports (livekit/sip issue 685)',
    consequence: 'TLS alert 120, no application protocol.',
  },
  'record-route': {
    what: "Meta's Record-Route values come back in the 200 untouched, in order and last.",
    source: 'Meta: SIP integration examples',
    consequence: 'ACK and BYE go astray: the call falls after about 32 s.',
  },
  via: {
    what: 'All Via values come back in order in every response.',
    source: 'RFC 3261, section 8.2.6.2',
    consequence: 'The response never reaches the caller.',
  },
  'to-tag': {
    what: 'Every response but 100 has one and the same To tag.',
    source: 'RFC 3261, section 8.2.6.2',
    consequence: 'ACK and BYE match no dialog.',
  },
  contact: {
    what: 'The Contact names the configured hostname, with transport=tls.',
    source: 'Field reports',
    consequence: 'ACK and BYE of Meta are lost.',
  },
  route: {
    what: "In-dialog requests go to Meta's Contact unchanged, with Meta's Record-Route reversed as Route.",
    source: 'RFC 3261, section 12.2.1.1; Meta: SIP integration examples',
    consequence: '404 or 481: the call stays up at Meta.',
  },
  're-invite': {
    what: 'No INVITE within the call: hold, transfer and refresh end at the gateway.',
    source: SIP_TROUBLES,
    consequence: '500 Re-INVITES are not supported.',
  },
  method: {
    what: 'Only INVITE, ACK, BYE, CANCEL, NOTIFY and OPTIONS are used.',
    source: "Allow header of Meta's requests and responses",
    consequence: '405 Method Not Allowed.',
  },
  register: {
    what: 'The gateway does not register.',
    source: 'Field reports',
    consequence: '403 Forbidden.',
  },
  'session-timer': {
    what: 'No session timer that would make a party refresh: no Session-Expires in what Meta sees.',
    source: SIP_TROUBLES,
    consequence: 'The refresh is a re-INVITE and ends the call.',
  },
  'early-sdp': {
    what: 'Provisional responses carry no SDP.',
    source: `${MEDIA_GUIDE}; field reports`,
    consequence: 'Early media starts the timer of the caller.',
  },
  'missing-sdp': {
    what: 'The INVITE carries the offer, and the 200 to it the answer.',
    source: 'RFC 3261, section 13.2.1',
    consequence: 'No media can be set up: the call is refused or ended.',
  },
  'reliable-provisional': {
    what: 'No Require: 100rel.',
    source: "Allow and Supported headers of Meta's requests",
    consequence: 'No PRACK ever comes.',
  },
  malformed: {
    what: 'Every SIP message can be parsed.',
    source: 'RFC 3261, section 25',
    consequence: 'It is dropped.',
  },
  'challenge-algorithm': {
    what: 'Challenges offer MD5 with qop=auth.',
    source: "Digest answers in Meta's SIP integration examples",
    consequence: 'Not known to be answered.',
  },
  'challenge-ack': {
    what: 'ACK, CANCEL and BYE are never challenged.',
    source: 'RFC 3261, section 22.1',
    consequence: 'The call cannot be ended.',
  },
  'auth-uri': {
    what: 'Request-URI, To URI and digest uri are the same.',
    source: 'Field reports (jambonz/sbc-outbound issue 186)',
    consequence: '403 Proxy auth uri does not match SIP "to" uri.',
  },
  'from-host': {
    what: 'The From host is the configured hostname or a parent domain of it.',
    source: SIP_TROUBLES,
    consequence: '403 SIP server from INVITE does not match any SIP server configured.',
  },
  'uri-ip': {
    what: 'No request-URI with an address in place of wa.meta.vc.',
    source: SIP_TROUBLES,
    consequence: '404 SIP INVITEs using IP in request URI are not allowed.',
  },
  'uri-sips': {
    what: 'No sips: scheme; sip: with transport=tls.',
    source: 'Field reports',
    consequence: '404 Not Found.',
  },
  'uri-host': {
    what: 'The host of the request-URI is wa.meta.vc.',
    source: SIP_GUIDE,
    consequence: '404 Not Found.',
  },
  plus: {
    what: 'User parts of request-URI, To and From are +E.164; a callee may be a BSUID.',
    source: 'Field reports (NusaCall)',
    consequence: '500, or a 200 although no phone rings.',
  },
  'from-number': {
    what: 'The From user is a business number that is registered with Meta.',
    source: SIP_TROUBLES,
    consequence: '400 Asset not found, invalid business phone number.',
  },
  'pbx-headers': {
    what: 'No headers of the PBX in the INVITE; P-Asserted-Identity alone is tolerated.',
    source: "Meta: SIP integration examples (headers of the partners' INVITEs)",
    consequence: "Names and addresses of the PBX's side leak.",
  },
  'digest-echo': {
    what: 'The answer is to one challenge alone: its realm, nonce, opaque, algorithm, and qop=auth with nc and cnonce.',
    source: 'Live challenge of 2026 (kamailio issue 4698); RFC 7616, section 3.4; RFC 8760, section 2.4',
    consequence: '403 Invalid digest response.',
  },
  'digest-user': {
    what: 'The user name is the business number, with or without its plus.',
    source: "Digest answers in Meta's SIP integration examples",
    consequence: '403 Invalid digest response.',
  },
  'auth-retry': {
    what: 'The INVITE with the answer has the same Call-ID, From tag, To and request-URI, and the next CSeq; a refused call is not tried again under its Call-ID.',
    source: 'RFC 3261, section 22.2; Meta: SIP integration examples',
    consequence: '403 Invalid digest response.',
  },
  cancel: {
    what: 'CANCEL has the topmost Via, request-URI and CSeq number of the INVITE that it means.',
    source: 'RFC 3261, section 9.1',
    consequence: '481: the phone rings on.',
  },
  dialog: {
    what: 'Requests within the call carry its tags and a higher CSeq, ACK that of the INVITE; no BYE before the ACK.',
    source: 'RFC 3261, sections 12.2 and 13.2.2.4',
    consequence: '481: the call stays up at Meta.',
  },
} as const satisfies Record<string, Rule>;

export type RuleId = keyof typeof RULES;
