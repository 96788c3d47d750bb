/** Observers that write down what they are told and let a test wait for it. */
import { EventEmitter, once } from 'node:events';
import type {
  Dialog,
  DialogEnd,
  DialogObserver,
  IncomingRequest,
  InviteFailure,
  OutgoingObserver,
} from '../../gateway/sip/port.js';
import { within } from './within.js';

export class DialogRecorder implements DialogObserver {
  readonly told: string[] = [];
  /** Bodies of the ACKs. */
  readonly acks: (string | undefined)[] = [];
  readonly #events = new EventEmitter();

  acked(sdp: string | undefined): void {
    this.told.push('acked');
    this.acks.push(sdp);
    this.#events.emit('acked');
  }

  cancelled(request: IncomingRequest): void {
    this.told.push(`cancelled ${request.method}`);
    this.#events.emit('cancelled');
  }

  ended(end: DialogEnd): void {
    this.told.push(`ended by ${end.by}`);
    this.#events.emit('ended', end);
  }

  request(request: IncomingRequest): void {
    this.told.push(request.method);
    this.#events.emit('request', request);
  }

  async nextAck(): Promise<void> {
    await within('acked', once(this.#events, 'acked'));
  }

  async nextCancelled(): Promise<void> {
    await within('cancelled', once(this.#events, 'cancelled'));
  }

  async nextEnd(): Promise<DialogEnd> {
    return ((await within('ended', once(this.#events, 'ended'))) as [DialogEnd])[0];
  }

  async nextRequest(): Promise<IncomingRequest> {
    return ((await within('request', once(this.#events, 'request'))) as [IncomingRequest])[0];
  }
}

export type Outcome =
  | {
      readonly kind: 'answered';
      readonly dialog: Dialog;
      readonly sdp: string;
      readonly header: (n: string) => string | undefined;
    }
  | { readonly kind: 'failed'; readonly failure: InviteFailure };

export class CallRecorder implements OutgoingObserver {
  readonly provisionals: { readonly status: number; readonly sdp: string | undefined }[] = [];
  readonly outcomes: Outcome[] = [];
  readonly dialog = new DialogRecorder();
  callId: string | undefined;
  readonly outcome: Promise<Outcome>;
  readonly #events = new EventEmitter();
  #resolve: (outcome: Outcome) => void = () => undefined;

  constructor() {
    const told = new Promise<Outcome>((resolve) => (this.#resolve = resolve));
    this.outcome = within('outcome', told);
    this.outcome.catch(() => undefined); // only who awaits it cares
  }

  sent(callId: string): void {
    this.callId = callId;
  }

  provisional(status: number, _reason: string, sdp: string | undefined): void {
    this.provisionals.push({ status, sdp });
    this.#events.emit('provisional');
  }

  answered(dialog: Dialog, sdp: string, header: (name: string) => string | undefined): void {
    this.#tell({ kind: 'answered', dialog, sdp, header });
  }

  failed(failure: InviteFailure): void {
    this.#tell({ kind: 'failed', failure });
  }

  async nextProvisional(): Promise<void> {
    await within('provisional', once(this.#events, 'provisional'));
  }

  #tell(outcome: Outcome): void {
    this.outcomes.push(outcome);
    this.#resolve(outcome);
  }
}
