import { ClientRequest, type ClientTable } from './client-request.js';
import { Challengers } from './challengers.js';
import { chooseHop } from './hop.js';
import { InviteClient } from './invite-client.js';
import { dialogFrame, dialogWays, inDialogHeaders, sendAck } from './in-dialog.js';
import { completeRequest, credentialsOf, defaultContentType } from './new-request.js';
import { networkMessage, requestSent, unsolicited } from '../app/leader.js';
import { clientKey } from '../transaction/client.js';
import { parseMessage, type SipMessage } from '../sip/message.js';
import { contactUri } from '../dialog/dialog.js';
import type { AppConnection, Reply } from '../app/app-connection.js';
import type { CallDialog, Context } from './context.js';
import type { RequestFrame } from '../sip/build.js';
import type { Flow } from '../transport/flow.js';

interface Running {
  readonly app: AppConnection;
  readonly request: ClientRequest;
  readonly method: string;
}

/** The client side of the user agent: requests of the apps, their responses, and what the engine sends by itself. */
export class UserAgentClient {
  readonly #context: Context;
  readonly #transactions: ClientTable = new Map();
  readonly #running = new Map<string, Running>();
  readonly #challengers = new Challengers();
  /** Dialogs whose BYE was challenged and that wait for the app's second one. */
  readonly #lingering = new Map<CallDialog, NodeJS.Timeout>();

  constructor(context: Context) {
    this.#context = context;
  }

  get transactions(): number {
    return this.#transactions.size;
  }

  /** A response from the network. @returns false when it belongs to nothing. */
  receive(message: SipMessage, flow: Flow): boolean {
    const branch = message.via?.branch;
    const method = message.cseq?.method;
    if (branch === undefined || method === undefined) return false;
    const transaction = this.#transactions.get(clientKey(branch, method));
    transaction?.receive(message, flow);
    return transaction !== undefined;
  }

  /** A request outside of dialogs. */
  send(message: SipMessage, proxy: string, app: AppConnection, reply: Reply): void {
    const request = completeRequest(message);
    if (typeof request === 'string') {
      reply(`NOK|${request}`);
      return;
    }
    const hop = chooseHop(message.uri, proxy, this.#context.nextHop);
    if (typeof hop === 'string') {
      reply(`NOK|${hop}`);
      return;
    }
    const { callId } = request;
    const ways = { flow: undefined, target: this.#challengers.take(callId), hop };
    if (message.method !== 'INVITE') {
      this.#run(ways, request.frame, request.method, app, reply, '', () => undefined);
      return;
    }
    const invite = new InviteClient(this.#context, request, app, proxy === '' ? undefined : proxy, (dialog) => {
      this.end(dialog, 'Answered elsewhere', false);
    });
    const running = this.#run(ways, request.frame, 'INVITE', app, reply, invite.id, (response, flow) => {
      if (response === undefined) {
        invite.closed();
        return true;
      }
      this.#challengers.challenged(callId, response.status, running.target);
      return invite.response(response, flow, hop.pinned ? running.target : undefined);
    });
  }

  /** A request in a dialog. */
  sendInDialog(message: SipMessage, dialog: CallDialog, proxy: string, app: AppConnection, reply: Reply): void {
    const contentType = defaultContentType(message);
    if (contentType === undefined) {
      reply('NOK|missing content-type');
      return;
    }
    const { method } = message;
    // One INVITE at a time in a dialog (RFC 3261 section 14.1).
    if (method === 'INVITE' && (dialog.inviteOut || dialog.inviteIn)) {
      reply('NOK|another INVITE is in progress in this dialog');
      return;
    }
    const given = message.cseq?.seq ?? 0;
    const seq = given > dialog.localSeq ? given : dialog.localSeq + 1;
    dialog.localSeq = seq;
    if (method === 'INVITE') {
      dialog.inviteOut = true;
      dialog.sentInvite = { seq, credentials: credentialsOf(message) };
    }
    const frame = dialogFrame(dialog, {
      method,
      seq,
      headers: inDialogHeaders(message, contentType),
      body: message.body,
    });
    const ways = dialogWays(dialog, this.#context, proxy === '' ? undefined : proxy);
    this.#run(ways, frame, method, app, reply, dialog.id, (response) =>
      this.#inDialogResponse(dialog, method, seq, response),
    );
  }

  /** The app's ACK of a 2xx. Others are sent by their transactions. */
  ack(message: SipMessage, dialog: CallDialog, reply: Reply): void {
    const { seq, credentials } = dialog.sentInvite;
    if (seq === 0 || dialog.ack?.seq === seq || dialog.inviteOut || dialog.state === 'early') {
      reply('NOK|no 2xx waits for an ACK in this dialog');
      return;
    }
    const headers = inDialogHeaders(message, (defaultContentType(message) ?? '') + credentials);
    sendAck(dialog, this.#context, { method: 'ACK', seq, headers, body: message.body }, (text, flow) => {
      reply(requestSent(text, flow, ''), true);
    });
  }

  /** The app's CANCEL of its INVITE. */
  cancel(message: SipMessage, transactionId: string, reply: Reply): void {
    const running = this.#running.get(transactionId);
    let headers = '';
    for (const [name, , value] of message.headers()) if (name === 'reason') headers += `Reason: ${value}\r\n`;
    const text = running?.method === 'INVITE' ? running.request.cancel(headers) : undefined;
    const flow = running?.request.flow;
    if (flow === undefined || text === undefined) reply('NOK|transaction has its final response or does not exist');
    else reply(requestSent(text, flow, transactionId));
  }

  /** Ends a dialog by itself: BYE to the peer; the owner is told with an unsolicited BYE unless it knows nothing of the dialog. */
  end(dialog: CallDialog, reason: string, tell = true): void {
    if (dialog.state === 'ended') return;
    const headers = (): string => `Reason: SIP;cause=${reason === 'ACK timeout' ? 408 : 200};text="${reason}"\r\n`;
    const frame = dialogFrame(dialog, { method: 'BYE', seq: ++dialog.localSeq, headers, body: '' });
    const request = new ClientRequest(this.#context, this.#transactions, dialogWays(dialog, this.#context), frame, {
      sent: (text, flow) => {
        if (tell) dialog.owner.send(unsolicited(text, flow, dialog.id));
      },
      unsendable: (why) => {
        this.#context.log.warn({ callId: dialog.callId, why }, 'BYE cannot be sent');
      },
      response: () => undefined,
      failed: () => undefined,
      ended: () => undefined,
    });
    request.start();
    this.#context.dialogs.remove(dialog);
  }

  /** Nobody waits for the answers of this app any more: its INVITEs are cancelled. */
  appGone(app: AppConnection): void {
    for (const running of this.#running.values()) {
      if (running.app === app && running.method === 'INVITE') running.request.cancel('');
    }
  }

  close(): void {
    for (const running of this.#running.values()) running.request.close();
    for (const transaction of this.#transactions.values()) transaction.close();
    for (const timer of this.#lingering.values()) clearTimeout(timer);
    this.#challengers.close();
    this.#running.clear();
    this.#transactions.clear();
  }

  /** @param on sees each response, `undefined` at the end; false keeps a response from the app. */
  #run(
    ways: ConstructorParameters<typeof ClientRequest>[2],
    frame: (flow: Flow) => RequestFrame,
    method: string,
    app: AppConnection,
    reply: Reply,
    dialog: string,
    on: (response: SipMessage | undefined, flow: Flow | undefined) => boolean | void,
  ): ClientRequest {
    const deliver = (response: SipMessage, flow: Flow): void => {
      if (on(response, flow) !== false) app.send(networkMessage(response.text, flow, request.id, dialog));
    };
    const request = new ClientRequest(this.#context, this.#transactions, ways, frame, {
      sent: (text, flow) => {
        // Only an INVITE can be cancelled meanwhile; the others' apps go on with the response.
        reply(requestSent(text, flow, request.id), method !== 'INVITE');
      },
      unsendable: (reason) => {
        reply(`NOK|${reason}`);
      },
      response: deliver,
      failed: (status, reason, flow) => {
        const text = localResponse(frame(flow), status, reason);
        const response = parseMessage(text);
        if (response) deliver(response, flow);
      },
      ended: () => {
        this.#running.delete(request.id);
        on(undefined, undefined);
      },
    });
    this.#running.set(request.id, { app, request, method });
    request.start();
    return request;
  }

  #inDialogResponse(dialog: CallDialog, method: string, seq: number, response: SipMessage | undefined): boolean {
    const status = response?.status ?? 0;
    if (method === 'BYE' && (response === undefined || status >= 200)) this.#byeAnswered(dialog, status);
    if (method !== 'INVITE') return true;
    if (response === undefined || status >= 300) dialog.inviteOut = false;
    if (response === undefined || status < 200 || status >= 300) return true;
    if (dialog.ack?.seq === seq) {
      dialog.ack.again();
      return false;
    }
    const first = dialog.inviteOut;
    dialog.inviteOut = false;
    dialog.remoteTarget = contactUri(response) ?? dialog.remoteTarget;
    return first;
  }

  /**
   * A challenged BYE may come again with credentials, so its dialog stays for the length of a transaction. Status 0: the BYE is
   * over, perhaps without ever having been sent.
   */
  #byeAnswered(dialog: CallDialog, status: number): void {
    if (status !== 401 && status !== 407) {
      if (status !== 0 || !this.#lingering.has(dialog)) this.#context.dialogs.remove(dialog);
      return;
    }
    clearTimeout(this.#lingering.get(dialog));
    const timer = setTimeout(() => {
      this.#lingering.delete(dialog);
      this.#context.dialogs.remove(dialog);
    }, 64 * this.#context.timers.t1);
    this.#lingering.set(dialog, timer);
  }
}

/** A final response that the stack makes itself: RFC 3261 section 8.1.3.1. */
function localResponse(frame: RequestFrame, status: number, reason: string): string {
  return (
    `SIP/2.0 ${status} ${reason}\r\nVia: SIP/2.0/UDP localhost\r\nFrom: ${frame.from}\r\nTo: ${frame.to}\r\n` +
    `Call-ID: ${frame.callId}\r\nCSeq: ${frame.seq} ${frame.method}\r\nContent-Length: 0\r\n\r\n`
  );
}
