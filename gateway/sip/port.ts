/** What the calls know of SIP. Nothing of drachtio shows here. */
import type { Transport } from '../config/types.js';
import type { HeaderLines, Headers } from './headers.js';

export type { HeaderLines, Headers };

export interface SipPort {
  /** Handlers are set once, before `connect`. */
  onInvite(handler: (invite: IncomingInvite) => void): void;
  onOptions(handler: (request: IncomingRequest) => void): void;
  /** REGISTER of a PBX that has no fixed address. */
  onRegister(handler: (request: IncomingRequest) => void): void;
  /** The link to the far end was lost (its calls go on or not: see capabilities) or is back. */
  onLink(handler: (up: boolean) => void): void;
  /** Rejects when the server refuses the secret or is not reached in time. */
  connect(): Promise<FarEnd>;
  /** Sends an INVITE. Nothing is thrown: every outcome arrives in the observer. */
  invite(request: OutgoingInvite, observer: OutgoingObserver): OutgoingCall;
  /** OPTIONS outside a dialog. Never rejects; resolves with the final status, or `unreachable` when none came in time. */
  probe(target: ProbeTarget): Promise<ProbeResult>;
  readonly up: boolean;
  /** What is alive right now: INVITEs without an outcome, in both directions, and dialogs. */
  readonly open: { readonly invites: number; readonly dialogs: number };
  /** Everything still open is told `lost` or `failed`; no BYE is sent. */
  close(): Promise<void>;
}

/** What the SIP server at the far end of drachtio's app protocol can do. */
export interface FarEnd {
  readonly version: string;
  /** Our own server, not a drachtio-server. */
  readonly embedded: boolean;
  readonly verifiesPeerCertificate: boolean;
  readonly renewsCertificate: boolean;
  readonly filtersSources: boolean;
}

export interface Source {
  readonly address: string;
  readonly port: number;
  readonly transport: Transport;
  /** Local address:port it came in on, where the far end tells. */
  readonly receivedOn?: string;
}

export interface IncomingRequest {
  readonly method: string;
  readonly source: Source;
  readonly requestUri: string;
  readonly callId: string;
  /**
   * Value of a header, whatever the case of its name; undefined when absent. Several headers of one name are one value,
   * joined by commas (RFC 3261 7.3.1).
   */
  header(name: string): string | undefined;
  /** Empty when there is none. */
  readonly body: string;
  /** After a final response further ones are ignored. */
  respond(response: Response): void;
}

export interface IncomingInvite extends IncomingRequest {
  /**
   * The INVITE is over before we answered it: the server has already answered 200 to the CANCEL and 487 to the INVITE
   * (`lost`: the link to the server is gone). `reason` is the CANCEL's Reason header. Set before anything is awaited.
   */
  onCancel(handler: (reason: string | undefined, why: 'cancelled' | 'lost') => void): void;
  /**
   * Sends 200. The observer hears of the ACK and the end. Rejects with InviteGone when the INVITE is gone; a CANCEL that
   * overtakes the 200 is told by this alone, not by onCancel. One that comes after it has no effect: the peer sends BYE.
   */
  accept(answer: { sdp: string; headers?: Headers }, observer: DialogObserver): Promise<Dialog>;
}

export class InviteGone extends Error {
  override readonly name = 'InviteGone';
  constructor(readonly why: 'cancelled' | 'lost') {
    super(why === 'cancelled' ? 'the INVITE was cancelled' : 'the link to the SIP server was lost');
  }
}

export interface Response {
  readonly status: number;
  /** Absent: the usual phrase. */
  readonly reason?: string;
  readonly headers?: HeaderLines;
  readonly body?: string;
}

export interface OutgoingInvite {
  readonly requestUri: string;
  /** Next hop, `sip:host:port;transport=…`; absent: by the request-URI. */
  readonly nextHop?: string;
  readonly from: string;
  readonly to: string;
  readonly contact?: string;
  readonly headers: Headers;
  readonly sdp: string;
  /** Answers challenges of the INVITE and of our BYE; absent: a challenge is a refusal. */
  readonly credentials?: Credentials;
}

export interface ProbeTarget {
  readonly requestUri: string;
  readonly nextHop?: string;
  readonly from: string;
  readonly to: string;
  readonly timeoutMs: number;
}

export type ProbeResult =
  { readonly kind: 'answered'; readonly status: number } | { readonly kind: 'unreachable'; readonly detail: string };

/** For the challenges (401, 407) of a peer that we call: RFC 8760. The digest uri is the request-URI of each request. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
}

export interface OutgoingCall {
  /**
   * Cancels before the answer; afterwards nothing. `failed` with `cancelled` follows once the INVITE is really over, also
   * when a 200 crossed the CANCEL, which is then ACKed and ended with BYE. A peer that says nothing makes that 32 s.
   */
  cancel(headers?: Headers): void;
}

export interface OutgoingObserver {
  /** The INVITE has left, with this Call-ID. */
  sent?(callId: string): void;
  /** 1xx above 100. */
  provisional(status: number, reason: string, sdp: string | undefined): void;
  /** 200 arrived and is ACKed. */
  answered(dialog: Dialog, sdp: string, header: (name: string) => string | undefined): void;
  failed(failure: InviteFailure): void;
  /** For the dialog once answered. */
  readonly dialog: DialogObserver;
}

export type InviteFailure =
  | {
      readonly kind: 'refused';
      readonly status: number;
      readonly reason: string;
      /** The refused INVITE carried an answer to a challenge. */
      readonly authenticated: boolean;
      header(name: string): string | undefined;
    }
  /** No response at all: timeout, connection refused, name not found, no link to the SIP server. */
  | { readonly kind: 'unreachable'; readonly detail: string }
  /** We cancelled. */
  | { readonly kind: 'cancelled' };

export interface Dialog {
  readonly callId: string;
  /**
   * Ends the dialog. Idempotent; never rejects; resolves when the BYE is answered or given up. As the callee the BYE waits
   * for the ACK (RFC 3261 15). The observer hears nothing more.
   */
  bye(headers?: Headers): Promise<void>;
  /**
   * A request of ours inside the dialog (NOTIFY, UPDATE, re-INVITE with its ACK; never toward Meta). Never rejects;
   * resolves with the final response, or undefined when none came within 40 s or the dialog is over. The dialog's Contact is
   * added where the method needs one; an INVITE must bring its offer.
   */
  request(request: DialogRequest): Promise<DialogResponse | undefined>;
}

export interface DialogRequest {
  readonly method: 'NOTIFY' | 'UPDATE' | 'INVITE';
  readonly headers?: Headers;
  readonly body?: string;
}

export interface DialogResponse {
  readonly status: number;
  readonly reason: string;
  readonly body: string;
  header(name: string): string | undefined;
}

export interface DialogObserver {
  /** The ACK of our 200 to an INVITE, the first one or a re-INVITE; with its SDP, when our 200 was the offer. */
  acked?(sdp: string | undefined): void;
  /** The peer's BYE, already answered 200; or the server's own end of it (no ACK came). */
  ended(end: DialogEnd): void;
  /**
   * re-INVITE, UPDATE, INFO, REFER … in the dialog: must be responded to. The ACK of a re-INVITE comes to `acked`. A 2xx to
   * INVITE or UPDATE gets the dialog's Contact when none is given.
   */
  request(request: IncomingRequest): void;
  /** A re-INVITE that came to `request` is over before our 200 left: what it offered does not count, no ACK comes. */
  cancelled?(request: IncomingRequest): void;
}

export interface DialogEnd {
  /** `peer`: a BYE; `no-ack`: our 200 was never ACKed; `lost`: the link to the SIP server is gone. */
  readonly by: 'peer' | 'no-ack' | 'lost';
  /** The Reason header's value, if any. */
  readonly reason: string | undefined;
  header(name: string): string | undefined;
}
