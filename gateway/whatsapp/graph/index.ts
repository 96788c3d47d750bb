/** Meta's Graph API: the port, its client on HTTP, and access tokens. */
export { createGraph } from './client.js';
export type { GraphClientOptions, Method } from './client.js';
export { knownError } from './errors.js';
export type { GraphFault } from './errors.js';
export { openGraph } from './from-config.js';
export type { GraphAccess } from './from-config.js';
export { PATH_KINDS } from './path-kind.js';
export type { PathKind } from './path-kind.js';
export { GraphError } from './port.js';
export type { Graph, GraphObject, GraphOptions, Query } from './port.js';
export { fixedToken, inspectToken, NEEDED_SCOPES, TokenFile } from './token.js';
export type { TokenState } from './token.js';
