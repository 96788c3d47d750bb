/** Trunks: who calls, which of their hosts are alive, and who has registered. */
export { createIdentify, type Identify, type Identity } from './identify.js';
export type { Target, TrunkPeer } from './peer.js';
export { Registrar } from './registrar.js';
export { TrunkHosts, type Choice, type HostState } from './trunk-hosts.js';
