/** Where the PBXs of one trunk have registered from; in memory. */
import type { Source } from '../sip/port.js';
import { formatNameAddr } from '../sip/headers.js';
import { formatUri, uriHost } from '../sip/uri.js';
import type { TrunkPeer } from './peer.js';
import type { WantedContact } from './register-request.js';

export interface Origin {
  readonly callId: string;
  readonly cseq: number;
  /** Behind a NAT only this leads back, not the contact. */
  readonly source: Source;
}

interface Binding extends WantedContact, Origin {
  readonly since: number;
  readonly expiresAt: number;
  readonly timer: NodeJS.Timeout;
}

/** A PBX that comes with a new contact after each restart must not fill the memory until the old ones expire. */
const MOST = 10;

export class Bindings {
  readonly #bindings = new Map<string, Binding>();
  readonly #now: () => number;
  readonly #expired: (uri: string) => void;
  #count = 0;

  /** `expired`: a contact was not refreshed in time and is gone. */
  constructor(now: () => number, expired: (uri: string) => void) {
    this.#now = now;
    this.#expired = expired;
  }

  /** Whether a request is older than the one that made the binding (RFC 3261 10.3, step 7); for all of them without keys. */
  isOutdated({ callId, cseq }: Origin, keys: readonly string[] = [...this.#bindings.keys()]): boolean {
    return keys.some((key) => {
      const binding = this.#bindings.get(key);
      return binding?.callId === callId && cseq <= binding.cseq;
    });
  }

  put(contact: WantedContact, origin: Origin): void {
    const before = this.#bindings.get(contact.key);
    this.remove(contact.key);
    if (contact.expires === 0) return;
    const timer = setTimeout(() => {
      this.#bindings.delete(contact.key);
      this.#expired(contact.uri);
    }, contact.expires * 1000);
    const expiresAt = this.#now() + contact.expires * 1000;
    this.#bindings.set(contact.key, { ...contact, ...origin, since: before?.since ?? this.#count++, expiresAt, timer });
    const oldest = this.#bindings.keys().next();
    if (this.#bindings.size > MOST && oldest.done !== true) this.remove(oldest.value);
  }

  remove(key: string): void {
    clearTimeout(this.#bindings.get(key)?.timer);
    this.#bindings.delete(key);
  }

  clear(): void {
    for (const key of [...this.#bindings.keys()]) this.remove(key);
  }

  /** As hosts: by q, then the latest to come first, since an older one may be what is left of a PBX that was restarted. */
  peers(): readonly TrunkPeer[] {
    return [...this.#bindings.values()].sort((a, b) => b.q - a.q || b.since - a.since).map(peerOf);
  }

  /** Values of Contact for the 200. */
  contacts(): readonly string[] {
    return [...this.#bindings.values()].map(({ uri, expiresAt }) => {
      const left = Math.max(0, Math.ceil((expiresAt - this.#now()) / 1000));
      return formatNameAddr({ uri, params: new Map([['expires', String(left)]]) });
    });
  }
}

/**
 * The user part is the extension, as SIPconnect has it for trunks that register; host and parameters are the contact's; the
 * way is the one that the REGISTER came.
 */
function peerOf({ key, parsed, source }: Binding): TrunkPeer {
  const { host, port, params } = parsed;
  const transport = source.transport === 'udp' ? '' : `;transport=${source.transport}`;
  return {
    name: key,
    registered: true,
    weight: 1,
    target: (extension) => ({
      requestUri: formatUri({ user: extension ?? parsed.user, host, port, params }),
      to: formatNameAddr({ uri: formatUri({ user: extension ?? parsed.user, host, port }) }),
      nextHop: `sip:${uriHost(source.address)}:${source.port}${transport}`,
    }),
  };
}
