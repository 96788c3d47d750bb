export { type Asterisk, type AsteriskOptions, startAsterisk } from './asterisk.js';
export { MUSIC_HZ, type OutboundRoute, PHONE_PASSWORD } from './asterisk-config.js';
export type { AsteriskCall, ReceivedDigit } from './asterisk-results.js';
export { type NgDictionary, ngRequest, type NgValue } from './ng.js';
export { freeUdpPorts, type PortBlock, reservePorts } from './ports.js';
export { type Rtpengine, type RtpengineOptions, startRtpengine } from './rtpengine.js';
export { type Sipp, type SippOptions, type SippResult, startSipp } from './sipp.js';
export { type ExitStatus, supervise, type Supervised, type SuperviseOptions } from './supervisor.js';
export type { Usage } from './usage.js';
