/** What the business-initiated calls of each number have taken on a day. */
export interface MinutesLedger {
  /** Answers at once, out of memory. @param day `2026-11-26`, UTC. @returns milliseconds */
  used(number: string, day: string): number;
  /** Answers at once; whatever it takes to keep it happens later. */
  add(number: string, day: string, ms: number): void;
}

export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
