import type { CallIdentity } from './identity.js';
import { addressUri, cseq, formatSipText, header, headerList, parameter, statusOf, type SipText } from './sip-text.js';

const CORE_BRANCH = 'z9hG4bK';
const EDGE_HOPS = ['[2803:6080:f948:9597::]:47237', '[2803:6080:f950:95b1::]:8191', '[2803:6080:f954:1c02::]:40912'];
export const ALLOW = 'INVITE, ACK, BYE, CANCEL, NOTIFY, OPTIONS';

/** Faults put into the INVITE on purpose. */
export interface WireFaults {
  readonly omitContact?: boolean;
}

/** The Vias of a request that has come through the three hops of the edge. */
export function edgeVias(branch: string): readonly string[] {
  return EDGE_HOPS.map((hop, i) =>
    i === 0
      ? `SIP/2.0/TLS ${hop};rport;branch=${branch};alias`
      : `SIP/2.0/TLS ${hop};received=2803:6080:f948:9597::;branch=${branch}.${i};alias`,
  );
}

/**
 * Turns what sip.js' core writes into what leaves Meta's edge. The core knows one Via and no proxies before it; so the
 * three Vias with the Record-Route pair between them, the literal URIs, the header order and Meta's own headers are made here.
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

  /** The core's branch of the request that a response answers, its Contact noted; undefined if it answers nothing sent. */
  answeredBranch(response: SipText): string | undefined {
    const toTag = parameter(header(response, 'to') ?? '', 'tag');
    const contact = headerList(response, 'contact')[0];
    if (toTag !== undefined && contact !== undefined && (statusOf(response) ?? 0) < 300) {
      this.#remoteTargets.set(toTag, addressUri(contact));
    }
    return this.#coreBranch(response);
  }

  #vias(coreBranch: string): readonly string[] {
    return edgeVias(`${this.id.branchPrefix}.${coreBranch.slice(CORE_BRANCH.length)}`);
  }

  #coreBranch(response: SipText): string | undefined {
    const branch = parameter(headerList(response, 'via')[0] ?? '', 'branch') ?? '';
    const prefix = `${this.id.branchPrefix}.`;
    return branch.startsWith(prefix) ? CORE_BRANCH + branch.slice(prefix.length) : undefined;
  }

  #requestUri(core: SipText, method: string, hopByHop: boolean): string {
    if (method === 'INVITE' || hopByHop) return this.id.requestUri;
    const toTag = parameter(header(core, 'to') ?? '', 'tag') ?? '';
    return this.#remoteTargets.get(toTag) ?? this.id.requestUri;
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
