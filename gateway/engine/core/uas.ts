import { Answer } from './answer.js';
import { mergeKey, ServerRequest, serverKey } from './server-request.js';
import { refuseStateless } from './stateless.js';
import { networkMessage, responseSent } from '../app/leader.js';
import { contactUri, dialogId, dialogKey, keyOf, routeSetOf } from '../dialog/dialog.js';
import { checkNewRequest, checkRequest, type Refusal } from '../sip/check.js';
import { parseUri } from '../sip/uri.js';
import { appHeaders } from '../sip/build.js';
import { param } from '../sip/params.js';
import { defaultContentType } from './new-request.js';
import { randomUUID } from 'node:crypto';
import type { AppConnection, Reply } from '../app/app-connection.js';
import type { CallDialog, Context } from './context.js';
import type { SipMessage } from '../sip/message.js';
import type { Flow } from '../transport/flow.js';

const NO_DIALOG: Refusal = { status: 481, reason: 'Call/Transaction Does Not Exist' };
const BUSY: Refusal = { status: 503, reason: 'Service Unavailable', headers: 'Retry-After: 5\r\n' };

/** The server side of the user agent: requests from the network, and the apps' responses to them. */
export class UserAgentServer {
  readonly #context: Context;
  readonly #endDialog: (dialog: CallDialog, reason: string) => void;
  readonly #byKey = new Map<string, ServerRequest>();
  readonly #byId = new Map<string, ServerRequest>();
  readonly #byMerge = new Map<string, ServerRequest>();
  /** 2xx that wait for their ACK, by the identity of their dialog, which may be over already. */
  readonly #answers = new Map<string, Answer>();

  /** @param endDialog sends a BYE where an ACK never came or the app is gone. */
  constructor(context: Context, endDialog: (dialog: CallDialog, reason: string) => void) {
    this.#context = context;
    this.#endDialog = endDialog;
  }

  get transactions(): number {
    return this.#byKey.size;
  }

  /** A request from the network. */
  receive(message: SipMessage, flow: Flow): void {
    const fault = checkRequest(message);
    if (fault !== undefined) {
      this.#context.counters.drop('malformed', flow.remote, fault.reason);
      refuseStateless(message, flow, fault);
      return;
    }
    const known = this.#byKey.get(serverKey(message));
    if (message.method === 'ACK') this.#ack(message, flow, known);
    else if (known !== undefined) known.transaction.request();
    else if (message.method === 'CANCEL') this.#cancel(message, flow);
    else this.#request(message, flow);
  }

  /** A response from an app. */
  respond(message: SipMessage, id: string, reply: Reply): void {
    const request = this.#byId.get(id);
    const contentType = defaultContentType(message);
    if (request?.transaction.pending !== true) reply('NOK|transaction has its final response or does not exist');
    else if (contentType === undefined) reply('NOK|missing content-type');
    else this.#respond(request, message, contentType, reply);
  }

  /** What this app was to answer is refused. */
  appGone(app: AppConnection): void {
    for (const request of this.#byId.values()) {
      if (request.app === app && request.transaction.pending) this.#refuse(request, BUSY);
    }
  }

  close(): void {
    for (const request of this.#byKey.values()) request.transaction.close();
    for (const answer of this.#answers.values()) answer.close();
    this.#byKey.clear();
    this.#byId.clear();
    this.#byMerge.clear();
    this.#answers.clear();
  }

  /** A request that belongs to no transaction. */
  #request(message: SipMessage, flow: Flow): void {
    const invite = message.method === 'INVITE';
    if (invite && this.#byKey.size >= this.#context.limits.transactions) {
      this.#context.counters.drop('too-many-transactions', flow.remote);
      refuseStateless(message, flow, BUSY);
      return;
    }
    const twin = message.toTag === undefined ? this.#byMerge.get(mergeKey(message)) : undefined;
    const request = this.#add(message, flow);
    const refusal = twin === undefined ? checkNewRequest(message) : { status: 482, reason: 'Loop Detected' };
    if (refusal !== undefined) this.#refuse(request, refusal);
    else if (message.toTag === undefined) this.#newCall(request);
    else this.#inDialog(request, message.toTag);
  }

  #add(message: SipMessage, flow: Flow): ServerRequest {
    const request = new ServerRequest(this.#context, message, flow, {
      timeout: () => {
        this.#unanswered(request);
      },
      ended: () => {
        this.#byKey.delete(request.transaction.key);
        this.#byId.delete(request.id);
        if (this.#byMerge.get(request.merge) === request) this.#byMerge.delete(request.merge);
      },
    });
    this.#byKey.set(request.transaction.key, request);
    this.#byId.set(request.id, request);
    if (message.toTag === undefined && !this.#byMerge.has(request.merge)) this.#byMerge.set(request.merge, request);
    const { via } = message;
    if (via !== undefined && flow.transport === 'tcp' && param(via.params, 'alias') !== undefined) {
      this.#context.transports.alias(flow, via.port ?? 5060);
    }
    return request;
  }

  #newCall(request: ServerRequest): void {
    const app = this.#context.apps.take(request.method);
    if (app === 'none' || app === 'congested') this.#refuse(request, BUSY);
    else if (app === 'unrouted') {
      const allow = this.#context.apps.methods().join(', ');
      this.#refuse(request, { status: 405, reason: 'Method Not Allowed', headers: `Allow: ${allow}\r\n` });
    } else this.#deliver(request, app, '');
  }

  /** RFC 3261 section 12.2.2; glare: section 14.2. */
  #inDialog(request: ServerRequest, localTag: string): void {
    const { message, method } = request;
    const dialog = this.#context.dialogs.byTags(message.callId, localTag, message.fromTag ?? '');
    const seq = message.cseq?.seq ?? 0;
    if (dialog === undefined || dialog.owner.closed) this.#refuse(request, NO_DIALOG);
    else if (seq < dialog.remoteSeq) this.#refuse(request, { status: 500, reason: 'CSeq Out Of Order' });
    else if (method === 'INVITE' && dialog.inviteOut) this.#refuse(request, { status: 491, reason: 'Request Pending' });
    else if (method === 'INVITE' && dialog.inviteIn) {
      this.#refuse(request, { status: 500, reason: 'Request Pending', headers: 'Retry-After: 3\r\n' });
    } else {
      request.dialog = dialog;
      this.#refresh(dialog, request);
      if (method === 'BYE') this.#bye(dialog, request);
      else this.#deliver(request, dialog.owner, dialog.id);
    }
  }

  #refresh(dialog: CallDialog, request: ServerRequest): void {
    const { message, method, flow } = request;
    dialog.remoteSeq = message.cseq?.seq ?? dialog.remoteSeq;
    if (method === 'INVITE') dialog.inviteIn = true;
    if (method === 'INVITE' || method === 'UPDATE') dialog.remoteTarget = contactUri(message) ?? dialog.remoteTarget;
    if (!flow.reliable || dialog.flow === flow || dialog.flow === undefined) return;
    // The peer has reconnected.
    dialog.flow.release();
    dialog.flow = flow;
    flow.hold();
  }

  /** A BYE that ends an INVITE not yet answered ends it like a CANCEL (section 15.1.2): the app knows no dialog yet. */
  #bye(dialog: CallDialog, request: ServerRequest): void {
    const invite = [...this.#pendingInvites(dialog)][0];
    if (dialog.state === 'early' && dialog.role === 'uas') {
      request.respond(200, 'OK');
      if (invite !== undefined) this.#cancelled(invite, request.message, 487, 'Request Terminated');
      return;
    }
    if (invite !== undefined) this.#refuse(invite, { status: 487, reason: 'Request Terminated' });
    this.#deliver(request, dialog.owner, dialog.id);
  }

  *#pendingInvites(dialog: CallDialog): Generator<ServerRequest> {
    if (dialog.state !== 'early' && !dialog.inviteIn) return;
    for (const request of this.#byId.values()) {
      if (request.dialog === dialog && request.method === 'INVITE' && request.transaction.pending) yield request;
    }
  }

  #deliver(request: ServerRequest, app: AppConnection, dialog: string): void {
    request.app = app;
    app.send(networkMessage(request.message.text, request.flow, request.id, dialog));
  }

  /** The ACK of a non-2xx belongs to its transaction, that of a 2xx to the dialog. */
  #ack(message: SipMessage, flow: Flow, known: ServerRequest | undefined): void {
    const key = dialogKey(message.callId, message.toTag ?? '', message.fromTag ?? '');
    const answer = this.#answers.get(key);
    if (answer === undefined || answer.seq !== message.cseq?.seq) {
      known?.transaction.ack();
      return;
    }
    answer.close();
    this.#answers.delete(key);
    const { dialog } = answer;
    if (dialog.state !== 'ended') dialog.owner.send(networkMessage(message.text, flow, randomUUID(), dialog.id));
  }

  /** RFC 3261 section 9.2. */
  #cancel(message: SipMessage, flow: Flow): void {
    const invite = this.#byKey.get(serverKey(message, 'INVITE'));
    const request = this.#add(message, flow);
    if (invite === undefined) {
      this.#refuse(request, NO_DIALOG);
      return;
    }
    request.localTag = invite.localTag;
    request.respond(200, 'OK');
    if (invite.transaction.pending) this.#cancelled(invite, message, 487, 'Request Terminated');
  }

  /** Ends an unanswered INVITE; its app sees a CANCEL. */
  #cancelled(invite: ServerRequest, cause: SipMessage, status: number, reason: string): void {
    this.#refuse(invite, { status, reason });
    const text = cause.method === 'CANCEL' ? cause.text : cancelFor(invite.message);
    const dialog = invite.message.toTag === undefined ? '' : (invite.dialog?.id ?? '');
    invite.app?.send(networkMessage(text, invite.flow, invite.id, dialog));
  }

  /** The app has not answered in time. */
  #unanswered(request: ServerRequest): void {
    this.#context.log.warn(
      { method: request.method, callId: request.message.callId },
      'request not answered by the app',
    );
    if (request.method === 'INVITE') this.#cancelled(request, request.message, 408, 'Request Timeout');
  }

  /** A final response of the engine's own. */
  #refuse(request: ServerRequest, refusal: Refusal): void {
    request.respond(refusal.status, refusal.reason, refusal.headers);
    this.#afterFinal(request, refusal.status);
  }

  #respond(request: ServerRequest, message: SipMessage, contentType: string, reply: Reply): void {
    const { status } = message;
    const { flow } = request;
    const peer = flow.remote.address;
    if (request.dialog === undefined && request.message.toTag === undefined && message.toTag !== undefined) {
      request.localTag = message.toTag;
    }
    if (request.method === 'INVITE' && status > 100 && status < 300) this.#ensureDialog(request);
    const contact =
      needsContact(request.method, status) && !message.has('contact')
        ? `Contact: ${flow.listener.contact(peer)}\r\n`
        : '';
    const headers = contact + appHeaders(message, flow.listener.contactHost(peer)) + contentType;
    const text = request.respondWith(status, message.reason, { headers, body: message.body });
    reply(responseSent(text, flow, request.id, request.dialog?.id ?? ''), status < 200 || request.method !== 'INVITE');
    if (status >= 200 && status < 300 && request.method === 'INVITE') this.#answered(request, text);
    else if (status >= 200) this.#afterFinal(request, status);
  }

  #answered(request: ServerRequest, text: string): void {
    const { dialog } = request;
    if (dialog === undefined) return;
    dialog.state = 'confirmed';
    dialog.inviteIn = false;
    const key = keyOf(dialog);
    this.#answers.get(key)?.close();
    const answer = new Answer(this.#context, request, dialog, text, () => {
      this.#answers.delete(key);
      this.#endDialog(dialog, 'ACK timeout');
    });
    this.#answers.set(key, answer);
  }

  #afterFinal(request: ServerRequest, status: number): void {
    const { dialog, method } = request;
    if (dialog === undefined) return;
    if (method === 'INVITE') dialog.inviteIn = false;
    const over = method === 'BYE' || (method === 'INVITE' && dialog.state === 'early' && status >= 300);
    if (!over) return;
    // The peer has sent a BYE: it does not wait for its 2xx.
    this.#answers.get(keyOf(dialog))?.close();
    this.#answers.delete(keyOf(dialog));
    this.#context.dialogs.remove(dialog);
  }

  /** RFC 3261 section 12.1.1: with the first response that has a tag. */
  #ensureDialog(request: ServerRequest): void {
    const { message, flow } = request;
    if (request.dialog !== undefined || request.app === undefined) return;
    const fromTag = message.fromTag ?? '';
    request.dialog = {
      id: dialogId(message.callId, fromTag),
      role: 'uas',
      owner: request.app,
      callId: message.callId,
      localTag: request.localTag,
      remoteTag: fromTag,
      local: `${message.first('to') ?? ''};tag=${request.localTag}`,
      remote: message.first('from') ?? '',
      routeSet: routeSetOf(message, 'uas'),
      proxy: undefined,
      target: undefined,
      state: 'early',
      remoteTarget: contactUri(message) ?? message.from?.uri ?? '',
      localSeq: Math.floor(Math.random() * 10_000),
      remoteSeq: message.cseq?.seq ?? 0,
      flow,
      inviteOut: false,
      inviteIn: true,
      sentInvite: { seq: 0, credentials: '' },
      ack: undefined,
    };
    this.#context.dialogs.add(request.dialog);
  }
}

function needsContact(method: string, status: number): boolean {
  if (status <= 100 || status >= 300) return false;
  return method === 'INVITE' || ((method === 'UPDATE' || method === 'SUBSCRIBE') && status >= 200);
}

/** A CANCEL as the peer of that INVITE would have sent it, for the app. */
function cancelFor(invite: SipMessage): string {
  const line = (name: string): string => invite.first(name) ?? '';
  return (
    `CANCEL ${parseUri(invite.uri) ? invite.uri : 'sip:invalid'} SIP/2.0\r\nVia: ${line('via')}\r\nFrom: ${line('from')}\r\n` +
    `To: ${line('to')}\r\nCall-ID: ${line('call-id')}\r\nCSeq: ${invite.cseq?.seq ?? 0} CANCEL\r\nContent-Length: 0\r\n\r\n`
  );
}
