import { newTag } from './random.js';
import { appHeaders, withHost, type RequestFrame } from '../sip/build.js';
import type { SipMessage } from '../sip/message.js';
import type { Flow } from '../transport/flow.js';

/** Identity of a request that an app begins: fixed before the first attempt. */
export interface NewRequest {
  readonly method: string;
  readonly callId: string;
  readonly fromTag: string;
  readonly seq: number;
  /** Credentials in it, to be repeated in the ACK (RFC 3261 section 22.1). */
  readonly credentials: string;
  /** Fills in what the app left to the stack, with the address of the flow. */
  readonly frame: (flow: Flow) => RequestFrame;
}

/** Methods that carry a Contact of ours. */
const WITH_CONTACT = new Set(['INVITE', 'SUBSCRIBE', 'UPDATE', 'REFER']);

/**
 * Completes a request from the app: From (with tag), To, Call-ID, CSeq, Contact, Max-Forwards, Content-Type.
 * @returns the request, or why it cannot be sent.
 */
export function completeRequest(message: SipMessage): NewRequest | string {
  const { method, body } = message;
  const contentType = defaultContentType(message);
  if (contentType === undefined) return 'missing content-type';
  const callId = message.first('call-id') ?? newTag();
  const seq = message.cseq?.seq ?? 1;
  const fromTag = message.fromTag ?? newTag();
  const given = message.first('from');
  const to = message.first('to') ?? `<${message.uri}>`;
  const maxForwards = message.first('max-forwards') ?? '70';
  const needsContact = WITH_CONTACT.has(method) && !message.has('contact');
  const frame = (flow: Flow): RequestFrame => {
    const peer = flow.remote.address;
    const contact = flow.listener.contact(peer);
    const from = given === undefined ? contact : withHost(given, flow.listener.sentByHost(peer));
    return {
      method,
      uri: message.uri,
      routes: '',
      from: message.fromTag === undefined ? `${bracketed(from)};tag=${fromTag}` : from,
      to: withHost(to, flow.listener.sentByHost(peer)),
      callId,
      seq,
      maxForwards,
      headers:
        (needsContact ? `Contact: ${contact}\r\n` : '') +
        appHeaders(message, flow.listener.contactHost(peer)) +
        contentType,
      body,
    };
  };
  return { method, callId, fromTag, seq, credentials: credentialsOf(message), frame };
}

/** A URI without angle brackets would lose its parameters to the header. */
function bracketed(address: string): string {
  return address.includes('<') ? address : `<${address}>`;
}

/** The Content-Type line to add: SDP is known by its first line. `undefined` when the body has no known type. */
export function defaultContentType(message: SipMessage): string | undefined {
  if (message.bodyLength === 0 || message.has('content-type')) return '';
  return message.body.startsWith('v=0') ? 'Content-Type: application/sdp\r\n' : undefined;
}

export function credentialsOf(message: SipMessage): string {
  const lines = (name: string, wire: string): string =>
    message
      .all(name)
      .map((v) => `${wire}: ${v}\r\n`)
      .join('');
  return lines('authorization', 'Authorization') + lines('proxy-authorization', 'Proxy-Authorization');
}
