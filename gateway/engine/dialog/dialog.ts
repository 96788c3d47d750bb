import { isLooseRouter, parseUri } from '../sip/uri.js';
import { parseAddress } from '../sip/address.js';
import type { SipMessage } from '../sip/message.js';
import type { Flow } from '../transport/flow.js';
import type { Target } from '../transport/resolver.js';

/** Who answers for a dialog: the connection of an app. */
export interface Owner {
  readonly closed: boolean;
}

/** A dialog of RFC 3261 section 12, early from the first response with a tag. */
export interface Dialog<O extends Owner = Owner> {
  /** As drachtio-srf knows it: `<Call-ID>;from-tag=<From tag of the INVITE>`. */
  readonly id: string;
  readonly role: 'uas' | 'uac';
  readonly owner: O;
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string;
  /** From and To values of our requests. */
  readonly local: string;
  readonly remote: string;
  readonly routeSet: readonly string[];
  /** Next hop that the app gave with the INVITE: used for all requests of the dialog. */
  readonly proxy: string | undefined;
  /** Where the INVITE was sent when it was not where the request-URI says: tried first. */
  target: Target | undefined;
  state: 'early' | 'confirmed' | 'ended';
  remoteTarget: string;
  localSeq: number;
  remoteSeq: number;
  /** The connection or socket that the INVITE came in on. */
  flow: Flow | undefined;
  /** An INVITE of ours, or of the peer's, still without a final response. */
  inviteOut: boolean;
  inviteIn: boolean;
  /** Our last INVITE: its CSeq, and credentials for the ACK (section 22.1). */
  sentInvite: { seq: number; credentials: string };
  /** The ACK of our last INVITE and how to send it again; `undefined` until the app has given it. */
  ack: { seq: number; again: () => void } | undefined;
}

/** Identity of a dialog within the engine. */
export function dialogKey(callId: string, localTag: string, remoteTag: string): string {
  return `${callId}\n${localTag}\n${remoteTag}`;
}

export function keyOf(dialog: Dialog): string {
  return dialogKey(dialog.callId, dialog.localTag, dialog.remoteTag);
}

export function dialogId(callId: string, fromTag: string): string {
  return `${callId};from-tag=${fromTag}`;
}

/** URI of the first Contact, `undefined` when there is none. */
export function contactUri(message: SipMessage): string | undefined {
  const contact = message.list('contact')[0];
  return contact === undefined ? undefined : parseAddress(contact)?.uri;
}

/** Route set from the Record-Route values: in order for the UAS, reversed for the UAC (section 12.1). */
export function routeSetOf(message: SipMessage, role: 'uas' | 'uac'): string[] {
  const routes = message.list('record-route');
  return role === 'uas' ? routes : routes.reverse();
}

/** Request-URI, Route lines and next hop of a request in a dialog: section 12.2.1.1. */
export interface Routing {
  readonly uri: string;
  readonly routes: string;
  readonly nextHop: string;
}

export function routeRequest(routeSet: readonly string[], remoteTarget: string): Routing {
  const [first, ...others] = routeSet;
  const firstUri = first === undefined ? undefined : parseAddress(first)?.uri;
  if (first === undefined || firstUri === undefined) return { uri: remoteTarget, routes: '', nextHop: remoteTarget };
  const parsed = parseUri(firstUri);
  if (parsed === undefined || isLooseRouter(parsed)) {
    return { uri: remoteTarget, routes: routeLines(routeSet), nextHop: firstUri };
  }
  // A strict router gets its own URI, the remote target goes last.
  return { uri: firstUri, routes: routeLines([...others, `<${remoteTarget}>`]), nextHop: firstUri };
}

function routeLines(routes: readonly string[]): string {
  return routes.map((route) => `Route: ${route}\r\n`).join('');
}
