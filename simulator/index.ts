/** Meta's side of the trunk, for demos, tests and an operator's own dial-plan. */
export { createCertificateAuthority, writePemPair } from './pki.js';
export type { CertificateAuthority, PemPair, ServerCertificateOptions } from './pki.js';
export { MetaEdge, startMetaEdge } from './sip/edge.js';
export type { MetaEdgeOptions } from './sip/edge.js';
export type { Answered, Call, CallOptions, CallTimes, Ended } from './sip/call.js';
export type { InviteFault } from './sip/faults.js';
export { SPELLINGS } from './sip/identity.js';
export type { CallParties, HeaderSpelling } from './sip/identity.js';
export { ladderLine } from './sip/ladder.js';
export type { LadderEntry } from './sip/ladder.js';
export { LinkError } from './sip/link.js';
export type { GatewayAddress, LinkTls } from './sip/link.js';
export type { ListenOptions } from './sip/listener.js';
export { cannedOffer, mediaLess } from './sip/media-less.js';
export type { MediaLessOptions } from './sip/media-less.js';
export type { MediaPort } from './sip/media-port.js';
export type { SipRuleId, Violation } from './sip/rules-used.js';
