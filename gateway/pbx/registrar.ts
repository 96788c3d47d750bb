/** Takes the registrations of PBXs that have no fixed address (RFC 3261 10). The trunk is what they register for. */
import type { IncomingRequest, Response } from '../sip/port.js';
import { Bindings, type Origin } from './bindings.js';
import type { Identify } from './identify.js';
import type { TrunkPeer } from './peer.js';
import { parseRegister, type ExpiryLimits, type WantedContact } from './register-request.js';

export interface RegistrarDeps {
  readonly identify: Identify;
  /** All who are registered with a trunk now; `fresh` names those who have just been heard. */
  readonly changed: (trunk: string, peers: readonly TrunkPeer[], fresh: ReadonlySet<string>) => void;
  readonly log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
  };
  /** Milliseconds. */
  readonly now: () => number;
  readonly expiry?: ExpiryLimits;
}

const EXPIRY: ExpiryLimits = { min: 60, max: 3600 };

export class Registrar {
  readonly #deps: RegistrarDeps;
  readonly #trunks = new Map<string, Bindings>();

  constructor(deps: RegistrarDeps) {
    this.#deps = deps;
  }

  /** @param request REGISTER on the listener of the PBX */
  handle(request: IncomingRequest): void {
    const identity = this.#deps.identify(request);
    if (identity.kind === 'challenge') return request.respond(identity.response);
    if (identity.kind === 'refused') {
      if (identity.braked) return request.respond(identity.response);
      return this.#refuse(request, identity.why, identity.response);
    }
    const registering = identity.trunks.find(({ register }) => register);
    if (registering === undefined) return this.#refuse(request, 'its trunk has register: false', FORBIDDEN);
    const { name } = registering;
    this.#register(request, name);
  }

  /** Forgets all of them. Idempotent. */
  close(): void {
    for (const bindings of this.#trunks.values()) bindings.clear();
    this.#trunks.clear();
  }

  #register(request: IncomingRequest, trunk: string): void {
    const wanted = parseRegister(request, this.#deps.expiry ?? EXPIRY);
    if (wanted.kind === 'refused') return request.respond(wanted.response);
    const bindings = this.#bindingsOf(trunk);
    if (wanted.kind === 'query') return request.respond(listed(bindings));
    const cseq = /^\s*(\d{1,10})\s/.exec(request.header('cseq') ?? '')?.[1];
    if (cseq === undefined) return request.respond({ status: 400, reason: 'CSeq cannot be read' });
    const origin = { callId: request.callId, cseq: Number(cseq), source: request.source };
    const contacts = wanted.kind === 'clear' ? undefined : wanted.contacts;
    const keys = contacts?.map(({ key }) => key);
    // All or nothing.
    if (bindings.isOutdated(origin, keys)) {
      return request.respond({ status: 500, reason: 'Out of order' });
    }
    if (contacts === undefined) bindings.clear();
    else for (const contact of contacts) bindings.put(contact, origin);
    // First the answer: what follows may send requests to the contact.
    request.respond(listed(bindings));
    this.#tell(trunk, bindings, origin, contacts ?? []);
  }

  #bindingsOf(trunk: string): Bindings {
    const known = this.#trunks.get(trunk);
    if (known !== undefined) return known;
    const bindings = new Bindings(this.#deps.now, (contact) => {
      this.#deps.log.warn({ trunk, contact }, 'registration of the PBX expired');
      this.#deps.changed(trunk, bindings.peers(), new Set());
    });
    this.#trunks.set(trunk, bindings);
    return bindings;
  }

  #tell(trunk: string, bindings: Bindings, origin: Origin, contacts: readonly WantedContact[]): void {
    const { address, port, transport } = origin.source;
    const asked = contacts.map(({ uri, expires }) => `${uri} ${expires} s`);
    const source = `${transport}:${address}:${port}`;
    this.#deps.log.info({ trunk, source, asked, now: bindings.contacts() }, 'registration of the PBX');
    this.#deps.changed(trunk, bindings.peers(), new Set(contacts.map(({ key }) => key)));
  }

  #refuse(request: IncomingRequest, why: string, response: Response): void {
    const { address, port } = request.source;
    this.#deps.log.warn({ source: `${address}:${port}`, why }, 'REGISTER refused');
    request.respond(response);
  }
}

const FORBIDDEN: Response = { status: 403, reason: 'Forbidden' };

function listed(bindings: Bindings): Response {
  const contacts = bindings.contacts();
  return { status: 200, reason: 'OK', headers: contacts.length === 0 ? {} : { Contact: contacts.join(', ') } };
}
