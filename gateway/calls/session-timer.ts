/**
 * Session timers (RFC 4028), on the PBX's leg alone: whoever stays silent too long is gone. The PBX refreshes wherever it
 * has the choice; where it wants us to, we do.
 */
import type { Headers, IncomingRequest } from '../sip/port.js';

/** The shortest interval taken, seconds (RFC 4028 4). */
const MIN_SE = 90;

export interface SessionTimerEvents {
  /** No refresh came in time. */
  expired(): void;
  /** It is our turn to refresh. */
  refresh(): void;
}

type HeaderOf = (name: string) => string | undefined;

interface SessionExpires {
  readonly seconds: number;
  readonly refresher: 'uac' | 'uas' | undefined;
}

export class SessionTimer {
  #timer: NodeJS.Timeout | undefined;
  #seconds = 0;

  constructor(private readonly events: SessionTimerEvents) {}

  /** Headers for our 2xx to a request that begins or refreshes the session. */
  requested(request: Pick<IncomingRequest, 'header'>): Headers {
    const wanted = parseSessionExpires(request.header('session-expires') ?? request.header('x'));
    if (wanted === undefined) {
      this.#stop();
      return {};
    }
    const refresher = wanted.refresher ?? 'uac';
    this.#run(wanted.seconds, refresher === 'uas');
    const supported = hasOption(request.header('supported') ?? request.header('k'), 'timer');
    return {
      'Session-Expires': `${wanted.seconds};refresher=${refresher}`,
      // RFC 4028 9: only a peer that knows the extension may be required to refresh.
      ...(supported && refresher === 'uac' ? { Require: 'timer' } : {}),
    };
  }

  /** The peer's 2xx to a request of ours. */
  responded(header: HeaderOf): void {
    const agreed = parseSessionExpires(header('session-expires') ?? header('x'));
    if (agreed === undefined) this.#stop();
    else this.#run(agreed.seconds, agreed.refresher === 'uac');
  }

  /** For the request by which we refresh. */
  get refreshing(): Headers {
    return { 'Session-Expires': `${this.#seconds};refresher=uac`, Supported: 'timer' };
  }

  close(): void {
    this.#stop();
  }

  #run(seconds: number, ours: boolean): void {
    this.#stop();
    this.#seconds = seconds;
    // RFC 4028 10: refresh at half the interval; give up a little before its end.
    const wait = ours ? seconds / 2 : seconds - Math.min(32, seconds / 3);
    this.#timer = setTimeout(() => {
      if (ours) this.events.refresh();
      else this.events.expired();
    }, wait * 1000);
  }

  #stop(): void {
    clearTimeout(this.#timer);
  }
}

/** Why a request must be refused with 422: the Min-SE to tell. */
export function tooShortInterval(request: Pick<IncomingRequest, 'header'>): number | undefined {
  const wanted = parseSessionExpires(request.header('session-expires') ?? request.header('x'));
  return wanted !== undefined && wanted.seconds < MIN_SE ? MIN_SE : undefined;
}

function parseSessionExpires(value: string | undefined): SessionExpires | undefined {
  const match = /^\s*(\d{1,9})\s*(?:;(.*))?$/.exec(value ?? '');
  if (match === null) return undefined;
  const refresher = /(?:^|;)\s*refresher\s*=\s*(uac|uas)\b/i.exec(match[2] ?? '')?.[1]?.toLowerCase();
  return { seconds: Number(match[1]), refresher: refresher === 'uac' || refresher === 'uas' ? refresher : undefined };
}

function hasOption(value: string | undefined, option: string): boolean {
  return (value ?? '').split(',').some((tag) => tag.trim().toLowerCase() === option);
}
