import { chooseHop } from './hop.js';
import { newBranch } from './random.js';
import { routeRequest } from '../dialog/dialog.js';
import { appHeaders, buildRequest, withHost, type RequestFrame } from '../sip/build.js';
import type { CallDialog, Context } from './context.js';
import type { Ways } from './client-request.js';
import type { SipMessage } from '../sip/message.js';
import type { Flow } from '../transport/flow.js';
import type { Target } from '../transport/resolver.js';

/** Parts of a request in a dialog that its sender chooses. */
export interface InDialogRequest {
  readonly method: string;
  readonly seq: number;
  /** Complete header lines for a flow. */
  readonly headers: (flow: Flow) => string;
  readonly body: string;
}

/** Request in a dialog: RFC 3261 section 12.2.1.1. */
export function dialogFrame(dialog: CallDialog, request: InDialogRequest): (flow: Flow) => RequestFrame {
  const { uri, routes } = routeRequest(dialog.routeSet, dialog.remoteTarget);
  return (flow) => ({
    method: request.method,
    uri,
    routes,
    from: withHost(dialog.local, flow.listener.sentByHost(flow.remote.address)),
    to: dialog.remote,
    callId: dialog.callId,
    seq: request.seq,
    maxForwards: '70',
    headers: request.headers(flow),
    body: request.body,
  });
}

/** The app's own headers of a request in a dialog; a Contact is added where the method refreshes the target. */
export function inDialogHeaders(message: SipMessage, extra: string): (flow: Flow) => string {
  const refresh = (message.method === 'INVITE' || message.method === 'UPDATE') && !message.has('contact');
  return (flow) => {
    const peer = flow.remote.address;
    const contact = refresh ? `Contact: ${flow.listener.contact(peer)}\r\n` : '';
    return contact + appHeaders(message, flow.listener.contactHost(peer)) + extra;
  };
}

/**
 * Ways for a request in a dialog: the connection that the peer opened while it is up, the address that the INVITE went to
 * when the app or the configuration chose it, then the next hop of the route set.
 */
export function dialogWays(dialog: CallDialog, context: Context, proxy?: string): Ways {
  const { nextHop } = routeRequest(dialog.routeSet, dialog.remoteTarget);
  const hop = chooseHop(nextHop, proxy ?? dialog.proxy, context.nextHop);
  const flow = dialog.flow?.reliable && !dialog.flow.closed && proxy === undefined ? dialog.flow : undefined;
  return { flow, target: proxy === undefined ? dialog.target : undefined, hop };
}

/** Sends an ACK of a 2xx, which is no part of a transaction (section 13.2.2.4), and remembers how to send it again. */
export function sendAck(
  dialog: CallDialog,
  context: Context,
  request: InDialogRequest,
  sent: (text: string, flow: Flow) => void,
): void {
  const ways = dialogWays(dialog, context);
  const frame = dialogFrame(dialog, request);
  const branch = newBranch();
  const over = (flow: Flow | undefined, target: Target | undefined): void => {
    if (flow === undefined) return;
    const sentBy = flow.listener.sentBy(flow.remote.address);
    const text = buildRequest(frame(flow), `SIP/2.0/${flow.transport.toUpperCase()} ${sentBy};branch=${branch};rport`);
    const send = (): void => {
      const open = flow.closed && target ? context.transports.flow(target) : flow;
      open?.send(text);
    };
    dialog.ack = { seq: request.seq, again: send };
    send();
    sent(text, flow);
  };
  const first = ways.flow ?? (ways.target && context.transports.flow(ways.target));
  if (first !== undefined) {
    over(first, ways.target);
    return;
  }
  if (typeof ways.hop === 'string') return;
  const targets = context.resolver.resolve(ways.hop);
  const resolved = ([target]: readonly Target[]): void => {
    if (target) over(context.transports.flow(target), target);
  };
  if (Array.isArray(targets)) resolved(targets);
  else {
    targets.then(resolved, (err: unknown) => {
      context.log.warn({ err, callId: dialog.callId }, 'no address for an ACK');
    });
  }
}
