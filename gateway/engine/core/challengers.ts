import type { Target } from '../transport/resolver.js';

const REMEMBER = 32_000;

/**
 * Who challenged a request: its second one with credentials goes there first, because another host behind the same name may
 * not know the nonce.
 */
export class Challengers {
  readonly #targets = new Map<string, { readonly target: Target; readonly timer: NodeJS.Timeout }>();

  challenged(callId: string, status: number, target: Target | undefined): void {
    if ((status !== 401 && status !== 407) || target === undefined) return;
    this.take(callId);
    const timer = setTimeout(() => this.#targets.delete(callId), REMEMBER);
    this.#targets.set(callId, { target, timer });
  }

  /** The host for the next request of this Call-ID; it is given once. */
  take(callId: string): Target | undefined {
    const known = this.#targets.get(callId);
    clearTimeout(known?.timer);
    this.#targets.delete(callId);
    return known?.target;
  }

  close(): void {
    for (const { timer } of this.#targets.values()) clearTimeout(timer);
    this.#targets.clear();
  }
}
