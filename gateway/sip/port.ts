/** What the calls know of SIP. Nothing of drachtio shows here. */
import type { Transport } from '../config/types.js';

export interface SipPort {
  /** Handlers are set once, before `connect`. */
  onInvite(handler: (invite: IncomingInvite) => void): void;
  onOptions(handler: (request: IncomingRequest) => void): void;
  /** The link to the far end was lost (its calls go on or not: see capabilities) or is back. */
  onLink(handler: (up: boolean) => void): void;
  connect(): Promise<FarEnd>;
  /** Sends an INVITE. Nothing is thrown: every outcome arrives in the observer. */
  invite(request: OutgoingInvite, observer: OutgoingObserver): OutgoingCall;
  readonly up: boolean;
  close(): Promise<void>;
}

/** What the SIP server at the far end of drachtio's app protocol can do. */
export interface FarEnd {
  readonly version: string;
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
  /** First value of a header, whatever its case; undefined when absent. */
  header(name: string): string | undefined;
  readonly body: string;
  respond(response: Response): void;
}

export interface IncomingInvite extends IncomingRequest {
  /** The server has already answered 200 to the CANCEL and 487 to the INVITE. Set before anything is awaited. */
  onCancel(handler: (reason: string | undefined) => void): void;
  /** Sends 200. The observer hears of the ACK and the end. Rejects when the INVITE is gone (cancelled, link lost). */
  accept(answer: { sdp: string; headers?: Headers }, observer: DialogObserver): Promise<Dialog>;
}

export type Headers = Readonly<Record<string, string>>;

export interface Response {
  readonly status: number;
  readonly reason?: string;
  readonly headers?: Headers;
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
}

export interface OutgoingCall {
  /** Cancels before the answer; afterwards nothing (a crossing 200 is ACKed and ended by the adapter, and `failed` is told). */
  cancel(headers?: Headers): void;
}

export interface OutgoingObserver {
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
      header(name: string): string | undefined;
    }
  /** No response at all: timeout, connection refused, name not found. */
  | { readonly kind: 'unreachable'; readonly detail: string }
  /** We cancelled. */
  | { readonly kind: 'cancelled' };

export interface Dialog {
  readonly callId: string;
  /** Ends the dialog. Idempotent; resolves when the BYE is answered or given up. */
  bye(headers?: Headers): Promise<void>;
}

export interface DialogObserver {
  acked?(): void;
  /** The peer's BYE, already answered 200; or the server's own end of it (no ACK came). */
  ended(end: DialogEnd): void;
  /** re-INVITE, UPDATE, INFO, REFER … in the dialog: must be responded to. */
  request(request: IncomingRequest): void;
}

export interface DialogEnd {
  /** `peer`: a BYE; `no-ack`: our 200 was never ACKed; `lost`: the link to the SIP server is gone. */
  readonly by: 'peer' | 'no-ack' | 'lost';
  /** The Reason header's value, if any. */
  readonly reason: string | undefined;
  header(name: string): string | undefined;
}
