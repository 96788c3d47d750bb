import { randomBytes } from 'node:crypto';
import { BINDING_REQUEST, bindingError, bindingSuccess, parseStun } from './stun.js';

export interface IceCredentials {
  readonly ufrag: string;
  readonly pwd: string;
}

/** RFC 8445, section 5.3: at least 24 and 128 bits. */
export function newCredentials(): IceCredentials {
  return { ufrag: randomBytes(6).toString('base64url'), pwd: randomBytes(18).toString('base64url') };
}

/** What one datagram did to the agent, and the response to send back. */
export type IceOutcome =
  | { readonly kind: 'ignored' }
  | { readonly kind: 'refused'; readonly code: 400 | 401 | 487; readonly response: Buffer }
  | { readonly kind: 'checked'; readonly nominates: boolean; readonly response: Buffer };

/**
 * An ICE-lite agent (RFC 8445, sections 2.5 and 7.3): it only answers checks, is always controlled, and takes the pair
 * that USE-CANDIDATE names. It answers before it knows the remote SDP, so only its own half of USERNAME is checked.
 */
export class IceLite {
  readonly local: IceCredentials;

  constructor(local: IceCredentials = newCredentials()) {
    this.local = local;
  }

  receive(datagram: Buffer, address: string, port: number): IceOutcome {
    const request = parseStun(datagram);
    if (request?.type !== BINDING_REQUEST) return { kind: 'ignored' };
    if (request.username === undefined) {
      return { kind: 'refused', code: 400, response: bindingError(request, 400, 'Bad Request') };
    }
    if (!request.username.startsWith(`${this.local.ufrag}:`) || !request.hasIntegrity(this.local.pwd)) {
      return { kind: 'refused', code: 401, response: bindingError(request, 401, 'Unauthorized') };
    }
    // Section 7.3.1.1, with a lite agent that can never take the controlling role.
    if (request.role === 'controlled') {
      const response = bindingError(request, 487, 'Role Conflict', this.local.pwd);
      return { kind: 'refused', code: 487, response };
    }
    const response = bindingSuccess(request, address, port, this.local.pwd);
    return { kind: 'checked', nominates: request.useCandidate, response };
  }
}
