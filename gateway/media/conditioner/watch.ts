import type { MediaTrouble } from '../port.js';

type Leg = MediaTrouble['from'];
const OTHER: Readonly<Record<Leg, Leg>> = { pbx: 'whatsapp', whatsapp: 'pbx' };

/** Notices that a side has fallen silent, and that it speaks again. Times in ms. */
export class Watch {
  readonly #silenceMs: number;
  readonly #report: (trouble: MediaTrouble) => void;
  readonly #heardAt: Record<Leg, number>;
  readonly #troubled: Record<Leg, boolean> = { pbx: false, whatsapp: false };
  #pbxSends = true;

  constructor(silenceMs: number, now: number, report: (trouble: MediaTrouble) => void) {
    this.#silenceMs = silenceMs;
    this.#report = report;
    this.#heardAt = { pbx: now, whatsapp: now };
  }

  heard(leg: Leg, now: number): void {
    if (this.#troubled[leg]) this.#over(leg, now);
    this.#heardAt[leg] = now;
  }

  /** On hold the PBX may be silent; afterwards its time begins anew. */
  expectPbx(sends: boolean, now: number): void {
    if (!sends && this.#troubled.pbx) this.#over('pbx', now);
    if (sends && !this.#pbxSends) this.#heardAt.pbx = now;
    this.#pbxSends = sends;
  }

  /** To be called now and then: a report is late by as much. */
  check(now: number): void {
    this.#checkLeg('whatsapp', now);
    if (this.#pbxSends) this.#checkLeg('pbx', now);
  }

  #checkLeg(leg: Leg, now: number): void {
    if (this.#troubled[leg] || this.#silentMs(leg, now) < this.#silenceMs) return;
    this.#troubled[leg] = true;
    this.#say(leg, true, now);
  }

  #over(leg: Leg, now: number): void {
    this.#troubled[leg] = false;
    this.#say(leg, false, now);
  }

  #say(leg: Leg, present: boolean, now: number): void {
    const oneWay = this.#silentMs(OTHER[leg], now) < this.#silenceMs;
    this.#report({ kind: 'no-audio', from: leg, oneWay, present, silentMs: Math.round(this.#silentMs(leg, now)) });
  }

  #silentMs(leg: Leg, now: number): number {
    return now - this.#heardAt[leg];
  }
}
