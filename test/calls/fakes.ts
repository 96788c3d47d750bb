/** SIP and media as a call sees them, under the test's hand. */
import type { CallMediaSession, CallPlan } from '../../gateway/calls/plan.js';
import type { CallRecord } from '../../gateway/calls/observer.js';
import { FAILURES } from '../../gateway/calls/failures.js';
import { refusal as refusalOf } from '../../gateway/calls/calls.js';
import { CallSession } from '../../gateway/calls/session.js';
import { MediaFailure } from '../../gateway/media/port.js';
import type {
  Dialog,
  DialogObserver,
  DialogRequest,
  DialogResponse,
  Headers,
  IncomingInvite,
  IncomingRequest,
  OutgoingCall,
  OutgoingInvite,
  OutgoingObserver,
  Response,
  SipPort,
} from '../../gateway/sip/port.js';

export class FakeDialog implements Dialog {
  readonly callId = 'a-call';
  readonly byes: Headers[] = [];
  readonly requests: DialogRequest[] = [];
  reply: DialogResponse | undefined = { status: 200, reason: 'OK', body: '', header: () => undefined };

  bye(headers: Headers = {}): Promise<void> {
    this.byes.push(headers);
    return Promise.resolve();
  }

  request(request: DialogRequest): Promise<DialogResponse | undefined> {
    this.requests.push(request);
    return Promise.resolve(this.reply);
  }
}

export class FakeRequest implements IncomingRequest {
  readonly source = { address: '10.0.0.10', port: 5060, transport: 'udp' } as const;
  readonly requestUri = 'sip:+12195550714@gateway.example.com';
  readonly callId = 'a-call';
  readonly responses: Response[] = [];

  constructor(
    readonly method: string,
    readonly body = '',
    private readonly headers: Headers = {},
  ) {}

  header(name: string): string | undefined {
    return this.headers[name.toLowerCase()];
  }

  respond(response: Response): void {
    this.responses.push(response);
  }

  get last(): Response | undefined {
    return this.responses.at(-1);
  }
}

export class FakeInvite extends FakeRequest implements IncomingInvite {
  readonly dialog = new FakeDialog();
  observer: DialogObserver | undefined;
  accepted: { sdp: string; headers?: Headers } | undefined;
  cancel: ((reason: string | undefined, why: 'cancelled' | 'lost') => void) | undefined;

  constructor(body = 'offer', headers: Headers = {}) {
    super('INVITE', body, headers);
  }

  onCancel(handler: (reason: string | undefined, why: 'cancelled' | 'lost') => void): void {
    this.cancel = handler;
  }

  accept(answer: { sdp: string; headers?: Headers }, observer: DialogObserver): Promise<Dialog> {
    this.accepted = answer;
    this.observer = observer;
    return Promise.resolve(this.dialog);
  }
}

export interface Sent {
  readonly invite: OutgoingInvite;
  readonly observer: OutgoingObserver;
  readonly dialog: FakeDialog;
  cancelled: boolean;
}

export class FakeSip implements Pick<SipPort, 'invite'> {
  readonly sent: Sent[] = [];

  invite(invite: OutgoingInvite, observer: OutgoingObserver): OutgoingCall {
    const sent: Sent = { invite, observer, dialog: new FakeDialog(), cancelled: false };
    this.sent.push(sent);
    return { cancel: () => (sent.cancelled = true) };
  }

  get last(): Sent {
    const sent = this.sent.at(-1);
    if (sent === undefined) throw new Error('no INVITE was sent');
    return sent;
  }
}

export class FakeMedia implements CallMediaSession {
  readonly offer = 'our offer';
  readonly did: string[] = [];
  refuses = false;

  answer(sdp: string): Promise<string> {
    return this.#do(`answer ${sdp}`, `answer to ${sdp}`);
  }
  start(): void {
    this.did.push('start');
  }
  close(): Promise<undefined> {
    this.did.push('close');
    return Promise.resolve(undefined);
  }
  ringback(): Promise<string> {
    return this.#do('ringback', 'ringing tone');
  }
  pbxOffers(sdp: string): Promise<string> {
    return this.#do(`offered ${sdp}`, `answer to ${sdp}`);
  }
  offerToPbx(): string {
    this.did.push('offer');
    return 'what is agreed';
  }
  async pbxAnswers(sdp: string): Promise<void> {
    await this.#do(`answered ${sdp}`, '');
  }
  sendKey(key: string, durationMs: number): void {
    this.did.push(`key ${key} ${durationMs}`);
  }

  async #do(what: string, result: string): Promise<string> {
    await Promise.resolve();
    if (this.refuses) throw new MediaFailure('sdp', `${what}: refused by the test`);
    this.did.push(what);
    return result;
  }
}

/** Call-ID of another call of the gateway with the same PBX. */
export const OTHER_CALL = 'another@pbx';

export interface Stage {
  readonly invite: FakeInvite;
  readonly sip: FakeSip;
  readonly media: FakeMedia;
  readonly session: CallSession;
  readonly records: CallRecord[];
  readonly talked: number[];
}

const log = { debug: () => undefined, info: () => undefined, warn: () => undefined };

/** A session that has begun, with the test as caller, callee and media. */
export function begin(invite: FakeInvite, plan: Partial<CallPlan> = {}): Stage {
  const [sip, media] = [new FakeSip(), new FakeMedia()];
  const records: CallRecord[] = [];
  const talked: number[] = [];
  const callee = plan.callee ?? 'whatsapp';
  const session = new CallSession(
    {
      identity: { id: '1', direction: 'business-initiated', number: '+15551234567', trunk: 'office' },
      invite,
      callee,
      attempts: ['first', 'second'].map((name) => ({
        name,
        connectTimeoutMs: 5000,
        answerTimeoutMs: 60_000,
        invite: (sdp) => ({ requestUri: `sip:${name}`, from: '<sip:a@b>', to: `<sip:${name}>`, headers: {}, sdp }),
      })),
      maxDurationMs: undefined,
      unreachable: FAILURES.unreachable,
      contact: '<sip:gateway>',
      openMedia: () => Promise.resolve(media),
      ringback: 'pbx',
      classify: ({ status, reason }) => ({ failure: { code: 'refused', status, reason, q850: 17 }, tryNext: false }),
      redial: (extension, sdp) => ({
        ...{ requestUri: `sip:${extension}@pbx`, from: '<sip:user@b>', to: `<sip:${extension}@pbx>`, headers: {}, sdp },
      }),
      refusal: refusalOf,
      over: (ms) => talked.push(ms),
      ...plan,
    },
    {
      sip: sip as unknown as SipPort,
      logFor: () => log,
      isOwnCall: (callId) => callId === OTHER_CALL,
      now: () => performance.now(),
      observer: {
        refused: () => undefined,
        started: () => undefined,
        trouble: () => undefined,
        ended: (_, record) => records.push(record),
      },
    },
  );
  session.start();
  return { invite, sip, media, session, records, talked };
}

/** Lets promises that are settled have their effects. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

/** A call that is up; the PBX is the caller. */
export async function connected(invite = new FakeInvite(), plan: Partial<CallPlan> = {}): Promise<Stage> {
  const stage = begin(invite, plan);
  await settled();
  const { observer, dialog } = stage.sip.last;
  observer.answered(dialog, "Meta's answer", () => undefined);
  await settled();
  return stage;
}

export function refusal(status: number, reason: string): Parameters<OutgoingObserver['failed']>[0] {
  return { kind: 'refused', status, reason, authenticated: true, header: () => undefined };
}
