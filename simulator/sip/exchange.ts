import {
  LoggerFactory,
  URI,
  UserAgentCore,
  type DigestAuthentication,
  type OutgoingRequestMessage,
} from 'sip.js/lib/core/index.js';
import { coreRequest, coreResponse } from './core-message.js';
import type { CallIdentity } from './identity.js';
import { judgeResponse, judgeTarget } from './judge.js';
import { RESPONSE_HEADERS, writeReply } from './reply.js';
import type { Report } from './rules-used.js';
import type { SipSocket } from './sip-socket.js';
import {
  cseq,
  formatSipText,
  header,
  headerList,
  parameter,
  parseSipText,
  statusOf,
  type SipText,
} from './sip-text.js';
import type { Wire } from './wire.js';

/** sip.js logs each transition; what matters here is in the ladder and in the violations. */
export const SILENT = new LoggerFactory();
SILENT.builtinEnabled = false;

/** What an exchange needs of its owner and of the edge. */
export interface ExchangeHost {
  readonly hostname: string;
  /** Sends over the link to the gateway, opening it first if there is none. Rejects with LinkError. */
  send(raw: string): Promise<void>;
  report: Report;
  /** Every message as it is on the wire. */
  record(direction: 'in' | 'out', raw: string): void;
  /** Each response before the core sees it. */
  onResponse?(response: SipText): void;
  digest(): DigestAuthentication | undefined;
}

/**
 * Everything under one Call-ID: a sip.js core of its own with its transactions and dialogs, its transport, and the
 * checks of what comes in. A core for each call keeps sip.js' seven-digit branches from colliding between calls.
 */
export class Exchange {
  readonly core: UserAgentCore;
  readonly #responders = new Map<string, SipSocket>();

  constructor(
    readonly id: CallIdentity,
    private readonly wire: Wire,
    private readonly host: ExchangeHost,
  ) {
    const transport = { protocol: 'TLS', send: (text: string) => this.#send(text) };
    const contact = coreUri(id.contactUri);
    this.core = new UserAgentCore({
      aor: contact,
      contact: { pubGruu: undefined, tempGruu: undefined, uri: contact, toString: () => `<${id.contactUri}>` },
      displayName: id.displayName,
      loggerFactory: SILENT,
      hackViaTcp: false,
      routeSet: [],
      sipjsId: '',
      supportedOptionTags: [],
      supportedOptionTagsResponse: [],
      userAgentHeaderFieldValue: undefined,
      viaForceRport: false,
      viaHost: 'core.invalid',
      authenticationFactory: () => host.digest(),
      transportAccessor: () => transport,
    });
  }

  /** A request outside of any dialog, ready for the core. */
  request(method: string, body?: string): OutgoingRequestMessage {
    const { id, core } = this;
    const target = coreUri(id.toUri);
    const options = {
      callId: id.callId,
      fromTag: id.fromTag,
      cseq: 1000 + Math.floor(Math.random() * 9000),
    };
    const sdp =
      body === undefined ? undefined : { contentDisposition: 'session', contentType: 'application/sdp', content: body };
    return core.makeOutgoingRequestMessage(method, target, coreUri(id.fromUri), coreUri(id.toUri), options, [], sdp);
  }

  /** A message of the gateway that carries this exchange's Call-ID. */
  receive(raw: string, text: SipText, from: SipSocket): void {
    this.host.record('in', raw);
    try {
      if (statusOf(text) === undefined) this.#receiveRequest(text, from);
      else this.#receiveResponse(text);
    } catch (error) {
      // sip.js throws on what its grammar let pass but its dialogs cannot take, a Contact of "*" for one.
      this.#malformed(text, error instanceof Error ? error.message : String(error));
    }
  }

  /** Ends every transaction, dialog and timer of the core. */
  close(): void {
    this.core.dispose();
    this.#responders.clear();
  }

  #receiveResponse(text: SipText): void {
    const vias = this.wire.expectedVias(text);
    const branch = this.wire.answeredBranch(text);
    if (vias === undefined || branch === undefined) {
      this.host.report(
        'via',
        `response to nothing sent: ${text.startLine}, Via: ${headerList(text, 'via').join(' | ')}`,
      );
      return;
    }
    judgeResponse(text, vias, { id: this.id, hostname: this.host.hostname }, this.host.report);
    this.host.onResponse?.(text);
    this.core.receiveIncomingResponseFromTransport(coreResponse(text, branch));
  }

  #receiveRequest(text: SipText, from: SipSocket): void {
    const method = cseq(text)?.method ?? '';
    if (method === 'ACK') return; // only of the refused re-INVITE
    const refused = judgeTarget(text, this.id, this.host.report);
    if (refused !== undefined) {
      this.#reply(text, from, refused);
      return;
    }
    switch (method) {
      case 'BYE':
        this.#receiveBye(text, from);
        return;
      case 'NOTIFY':
      case 'OPTIONS':
        this.#reply(text, from, 200);
        return;
      case 'CANCEL':
        this.#reply(text, from, 481);
        return;
      case 'INVITE':
        this.host.report('re-invite', header(text, 'cseq') ?? '');
        this.#reply(text, from, 500, 'Re-INVITEs are not supported');
        return;
      default:
        this.host.report('method', text.startLine);
        this.#reply(text, from, 405);
    }
  }

  #receiveBye(text: SipText, from: SipSocket): void {
    const message = coreRequest(text, this.core.configuration.contact.uri.user ?? '');
    this.#responders.set(message.viaBranch, from);
    this.core.receiveIncomingRequestFromTransport(message);
  }

  #reply(request: SipText, to: SipSocket, status: number, reason?: string): void {
    const raw = writeReply(request, status, reason);
    this.host.record('out', raw);
    to.send(raw);
  }

  #malformed(text: SipText, why: string): void {
    this.host.report('malformed', `${text.startLine}: ${why}`);
  }

  async #send(text: string): Promise<void> {
    const message = parseSipText(text);
    if (!message) throw new Error('the core wrote no SIP message');
    message.headers = message.headers.filter(([name]) => name !== 'Content-Length' && name !== 'Supported');
    if (statusOf(message) === undefined) {
      const raw = this.wire.request(message);
      this.host.record('out', raw);
      await this.host.send(raw);
      return;
    }
    // A response leaves on the connection its request came by (RFC 3261 section 18.2.2).
    const raw = formatSipText({ ...message, headers: message.headers.concat(RESPONSE_HEADERS) });
    const branch = parameter(headerList(message, 'via')[0] ?? '', 'branch') ?? '';
    this.host.record('out', raw);
    this.#responders.get(branch)?.send(raw);
  }
}

/** The core's own view of an address; parameters stay out, the wire writes literals. */
function coreUri(text: string): URI {
  const [, user = '', host = ''] = /^sip:(?:([^@;]*)[^@]*@)?([^;]*)/.exec(text) ?? [];
  return new URI('sip', user, host);
}
