import type { CallIdentity } from './identity.js';
import {
  addressUri,
  canonicalName,
  cseq,
  formatSipText,
  header,
  headerList,
  parameter,
  statusOf,
  type SipText,
} from './sip-text.js';

const CORE_BRANCH = 'z9hG4bK';
const CORE_VIA_HOST = 'core.invalid';
const EDGE_HOPS = ['[2803:6080:f948:9597::]:47237', '[2803:6080:f950:95b1::]:8191', '[2803:6080:f954:1c02::]:40912'];
export const ALLOW = 'INVITE, ACK, BYE, CANCEL, NOTIFY, OPTIONS';

/** Faults put into the INVITE on purpose. */
export interface WireFaults {
  readonly omitContact?: boolean;
}

/**
 * Turns what sip.js' core writes into what leaves Meta's edge, and what comes from the gateway into what the core can
 * read. The core knows one Via, no proxies before it, and drops responses with several Vias; so the three Vias and the
 * Record-Route pair between them, the literal URIs, the header order and Meta's own headers are made here.
 */
export class Wire {
  readonly #inviteBranches = new Set<string>();
  /** Vias sent, by core branch: what a response must echo. */
  readonly #viasSent = new Map<string, readonly string[]>();
  /** The gateway's Contact URI as written, by its To tag. */
  readonly #remoteTargets = new Map<string, string>();

  constructor(
    private readonly id: CallIdentity,
    private readonly faults: WireFaults = {},
    /** Headers of the BYE beyond the wacid. */
    private readonly byeHeaders: () => readonly (readonly [string, string])[] = () => [],
  ) {}

  /** A request of the core in the shape in which it leaves the edge. */
  request(core: SipText): string {
    const { method, number } = cseq(core) ?? { method: '', number: 0 };
    const branch = parameter(header(core, 'via') ?? '', 'branch') ?? '';
    // CANCEL and the ACK of a refusal are the topmost proxy's own: one Via, that of the INVITE (RFC 3261, 9.1, 17.1.1.3).
    const hopByHop = method === 'CANCEL' || (method === 'ACK' && this.#inviteBranches.has(branch));
    if (method === 'INVITE') this.#inviteBranches.add(branch);
    const vias = this.#vias(branch);
    if (!hopByHop) this.#viasSent.set(branch, vias);
    else if (method === 'CANCEL') this.#viasSent.set(`${branch} CANCEL`, vias.slice(0, 1));
    const [top = '', ...lower] = vias;
    const recordsRoute = method === 'INVITE' || method === 'BYE';
    return formatSipText({
      startLine: `${method} ${this.#requestUri(core, method, hopByHop)} SIP/2.0`,
      headers: [
        ['Via', top],
        ...(recordsRoute ? this.id.recordRoute.map((value) => ['Record-Route', value] as const) : []),
        ...(hopByHop ? [] : lower.map((value) => ['Via', value] as const)),
        ...this.#routesLeft(core),
        ['Max-Forwards', '69'],
        ['From', header(core, 'from') ?? ''],
        ['To', header(core, 'to') ?? ''],
        ...(method === 'INVITE' && this.faults.omitContact !== true
          ? [['Contact', `<${this.id.contactUri}>;isfocus`] as const]
          : []),
        ['Call-ID', this.id.callId],
        ['CSeq', `${number} ${method}`],
        ...core.headers.filter(([name]) => /^(?:(?:proxy-)?authorization|reason)$/i.test(name)),
        ['X-FB-External-Domain', 'wa.meta.vc'],
        ...this.#ownHeaders(method),
        ['User-Agent', 'Facebook SipGateway'],
        ...(core.body === '' ? [] : [['Content-Type', 'application/sdp'] as const]),
      ],
      body: core.body,
    });
  }

  /** The Vias that a response to the core's request must echo; undefined if it belongs to none of them. */
  expectedVias(response: SipText): readonly string[] | undefined {
    const branch = this.#coreBranch(response);
    if (branch === undefined) return undefined;
    const cancel = cseq(response)?.method === 'CANCEL';
    return this.#viasSent.get(cancel ? `${branch} CANCEL` : branch);
  }

  /** A response of the gateway as the core reads it: one Via, one challenge. Undefined if it answers nothing sent. */
  response(response: SipText): string | undefined {
    const branch = this.#coreBranch(response);
    if (branch === undefined) return undefined;
    const status = statusOf(response) ?? 0;
    const toTag = parameter(header(response, 'to') ?? '', 'tag');
    const contact = headerList(response, 'contact')[0];
    if (toTag !== undefined && contact !== undefined && status < 300) {
      this.#remoteTargets.set(toTag, addressUri(contact));
    }
    const kept = ['from', 'to', 'cseq', 'contact', 'record-route', 'content-type'];
    const lines = response.headers
      .map(([name, value]) => [canonicalName(name), value] as const)
      .filter(([name]) => kept.includes(name))
      .concat(chooseChallenge(response));
    const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    return `${response.startLine}\r\nVia: SIP/2.0/TLS ${CORE_VIA_HOST};branch=${branch}\r\nCall-ID: ${coreCallId(this.id.callId)}\r\n${head}\r\n${response.body}`;
  }

  /** A request of the gateway as the core reads it. */
  incoming(request: SipText): string {
    return this.#withCallId(request, coreCallId(this.id.callId));
  }

  /** A response of the core to such a request as it leaves. */
  outgoingResponse(response: SipText): string {
    return this.#withCallId(response, this.id.callId);
  }

  #withCallId({ startLine, headers, body }: SipText, callId: string): string {
    const lines = headers
      .filter(([name]) => canonicalName(name) !== 'content-length')
      .map(([name, value]) => [name, canonicalName(name) === 'call-id' ? callId : value] as const);
    return formatSipText({ startLine, headers: lines, body });
  }

  #vias(coreBranch: string): readonly string[] {
    const serial = coreBranch.slice(CORE_BRANCH.length);
    const branch = `${this.id.branchPrefix}.${serial}`;
    return EDGE_HOPS.map((hop, i) =>
      i === 0
        ? `SIP/2.0/TLS ${hop};rport;branch=${branch};alias`
        : `SIP/2.0/TLS ${hop};received=2803:6080:f948:9597::;branch=${branch}.${i};alias`,
    );
  }

  #coreBranch(response: SipText): string | undefined {
    const branch = parameter(headerList(response, 'via')[0] ?? '', 'branch') ?? '';
    const prefix = `${this.id.branchPrefix}.`;
    return branch.startsWith(prefix) ? CORE_BRANCH + branch.slice(prefix.length) : undefined;
  }

  #requestUri(core: SipText, method: string, hopByHop: boolean): string {
    if (method === 'INVITE' || hopByHop) return this.id.requestUri;
    const toTag = parameter(header(core, 'to') ?? '', 'tag') ?? '';
    return this.#remoteTargets.get(toTag) ?? core.startLine.split(' ')[1] ?? '';
  }

  /** The gateway's own Route values: Meta's two were consumed by the proxies before the edge. */
  #routesLeft(core: SipText): (readonly [string, string])[] {
    return headerList(core, 'route')
      .filter((value) => value !== '' && !this.id.recordRoute.includes(value))
      .map((value) => ['Route', value] as const);
  }

  #ownHeaders(method: string): readonly (readonly [string, string])[] {
    switch (method) {
      case 'INVITE':
        return [...this.id.headers, ['Allow', ALLOW]];
      case 'BYE':
        return [['x-wa-meta-wacid', this.id.wacid], ...this.byeHeaders()];
      default:
        return [];
    }
  }
}

/** sip.js keeps to RFC 3261, where a Call-ID holds no "="; Meta's ends in two. */
export function coreCallId(callId: string): string {
  return callId.replaceAll('=', '');
}

/** Of several challenges the one that Meta can answer, MD5; else the first (RFC 8760 section 2.4). */
function chooseChallenge(response: SipText): (readonly [string, string])[] {
  const name = statusOf(response) === 401 ? 'www-authenticate' : 'proxy-authenticate';
  const challenges = response.headers.filter(([n]) => n.toLowerCase() === name).map(([, value]) => value);
  const chosen = challenges.find((value) => /algorithm\s*=\s*"?md5"?\s*(?:,|$)/i.test(value)) ?? challenges[0];
  return chosen === undefined ? [] : [[name, chosen]];
}
