import { randomUUID } from 'node:crypto';
import { newWacid, ROUTES } from '../identity.js';
import { writeReply, type ReplyParts } from '../reply.js';
import type { SipSocket } from '../sip-socket.js';
import { addressUri, cseq, formatSipText, header, headerList, parameter, type SipText } from '../sip-text.js';
import { edgeVias } from '../wire.js';

/** The callee's side of one dialog: the literal texts of what Meta answers and of its BYE. */
export class CalleeDialog {
  readonly wacid = newWacid();
  readonly toTag = randomUUID();
  readonly recordRoute: readonly string[] = ROUTES;
  readonly contactUri: string;
  #cseq = 1000 + Math.floor(Math.random() * 9000);
  #sentVias: readonly string[] = [];

  /** @param invite the first INVITE; each that answers a challenge takes its place. */
  constructor(
    public invite: SipText,
    user: string,
  ) {
    this.contactUri = `sip:${user}@wa.meta.vc;transport=tls;ob;X-FB-Sip-Smc-Tier=collaboration.sip_gateway.sip.prod`;
  }

  /** A response to the INVITE within the dialog: 180 or 200. */
  response(status: 180 | 200, to: SipSocket, body = ''): string {
    // Proxies put theirs on top (RFC 3261 section 16.6): Meta's own, nearest to the user first, stand above the caller's.
    const routes = [...[...ROUTES].reverse(), ...headerList(this.invite, 'record-route')];
    return this.reply(this.invite, to, status, undefined, {
      headers: [
        ...routes.map((value) => ['Record-Route', value] as const),
        ['Contact', `<${this.contactUri}>;isfocus`],
        ...(status === 200 ? [['Supported', 'timer'] as const] : []),
      ],
      body,
    });
  }

  /** Any other answer, with the dialog's tag unless `parts` has another. */
  reply(request: SipText, to: SipSocket, status: number, reason?: string, parts: ReplyParts = {}): string {
    return writeReply(request, status, reason, { toTag: this.toTag, source: to.remote, ...parts });
  }

  /** The user's or Meta's BYE. */
  bye(talkSeconds: number, reason: string | undefined): string {
    const { invite } = this;
    const [top = '', ...lower] = (this.#sentVias = edgeVias(`z9hG4bKPj${randomUUID()}`));
    const to = header(invite, 'to') ?? '';
    return formatSipText({
      startLine: `BYE ${addressUri(headerList(invite, 'contact')[0] ?? '')} SIP/2.0`,
      headers: [
        ['Via', top],
        ...ROUTES.map((value) => ['Record-Route', value] as const),
        ...lower.map((value) => ['Via', value] as const),
        ...headerList(invite, 'record-route').map((value) => ['Route', value] as const),
        ['Max-Forwards', '69'],
        ['From', `${to};tag=${this.toTag}`],
        ['To', header(invite, 'from') ?? ''],
        ['Call-ID', header(invite, 'call-id') ?? ''],
        ['CSeq', `${this.#cseq++} BYE`],
        ...(reason === undefined ? [] : [['Reason', reason] as const]),
        ['X-FB-External-Domain', 'wa.meta.vc'],
        ['x-wa-meta-wacid', this.wacid],
        ['x-wa-meta-call-duration', String(talkSeconds)],
        ['User-Agent', 'Facebook SipGateway'],
      ],
      body: '',
    });
  }

  /** The Vias that a response to the BYE must echo; undefined if it answers none. */
  viasOfBye(response: SipText): readonly string[] | undefined {
    const branch = parameter(headerList(response, 'via')[0] ?? '', 'branch');
    const sent = parameter(this.#sentVias[0] ?? '', 'branch');
    return branch !== undefined && branch === sent ? this.#sentVias : undefined;
  }

  /** Whether a request of the caller carries this dialog's tags and a CSeq that comes after the INVITE. */
  owns(request: SipText): boolean {
    const tags = (message: SipText): (string | undefined)[] =>
      ['from', 'to'].map((name) => parameter(header(message, name) ?? '', 'tag'));
    const [from, to] = tags(request);
    const { number = 0, method = '' } = cseq(request) ?? {};
    const invited = cseq(this.invite)?.number ?? 0;
    const inOrder = method === 'ACK' ? number === invited : number > invited;
    return from === tags(this.invite)[0] && to === this.toTag && inOrder;
  }
}
