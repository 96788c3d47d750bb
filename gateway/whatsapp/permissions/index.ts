/** Permission to call WhatsApp users: asked before a call, requested from the user, counted so that it is not lost. */
import type { NumberConfig } from '../../config/types.js';
import type { PermissionsConfig } from '../../config/types-control.js';
import type { Store } from '../../store/index.js';
import type { Graph } from '../graph/port.js';
import { PermissionBook } from './book.js';
import type { Denial } from './decide.js';
import { Gate } from './gate.js';
import { limitsOf } from './limits.js';
import { connectedAt, WEEK_MS, type Pair } from './pair.js';
import { PermissionRequests, type RequestOptions, type RequestOutcome } from './requests.js';
import type { PermissionState } from './read.js';

export { DENIALS, type Denial } from './decide.js';
export { limitsOf, PRESETS, type Limits } from './limits.js';
export type { Pair } from './pair.js';
export { readPermission, timeOf, type ActionState, type Limit, type PermissionState } from './read.js';
export type { RequestOptions, RequestOutcome } from './requests.js';

/** A reply of the user to a permission request, or of Meta in the user's place. */
export interface PermissionReply {
  readonly number: string;
  readonly user: string;
  readonly accepted: boolean;
  readonly permanent: boolean;
  /** Of a temporary one; absent: 7 days. */
  readonly expiresAtMs?: number;
  /** When the user replied, epoch ms; older ones than the newest are ignored. */
  readonly atMs: number;
}

export interface UnansweredWarning {
  readonly number: string;
  readonly user: string;
  readonly unanswered: number;
  /** Meta revokes after so many. */
  readonly revokeAfter: number;
}

export interface PermissionsDeps<F> {
  readonly graph?: Graph;
  readonly store: Store;
  readonly settings: PermissionsConfig;
  /** The catalogue's row of a denial. */
  readonly failure: (code: Denial) => F;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
  /** Epoch ms; default Date.now. */
  readonly clock?: () => number;
  readonly warned?: (warning: UnansweredWarning) => void;
  readonly replied?: (reply: PermissionReply) => void;
}

export type Verdict<F> =
  { readonly kind: 'allow' } | { readonly kind: 'unknown' } | { readonly kind: 'deny'; readonly failure: F };

export function createPermissions<F>(deps: PermissionsDeps<F>): Permissions<F> {
  return new Permissions(deps);
}

export class Permissions<F> {
  readonly #deps: PermissionsDeps<F>;
  readonly #limits;
  readonly #clock: () => number;
  readonly #book: PermissionBook;
  readonly #gate: Gate;
  readonly #requests: PermissionRequests;

  constructor(deps: PermissionsDeps<F>) {
    const { store, settings, log, graph } = deps;
    this.#deps = deps;
    this.#limits = limitsOf(settings.rules);
    const clock = deps.clock ?? Date.now;
    this.#clock = clock;
    const book = new PermissionBook(store, settings.cacheMs, clock);
    this.#book = book;
    this.#gate = new Gate({ graph, book, limits: this.#limits, clock, log, ...settings });
    this.#requests = new PermissionRequests({ graph, store, book, settings, limits: this.#limits, clock });
  }

  /** Never rejects, and is over in `timeoutMs`. A number with `requestPermission` asks the user who has given none. */
  async ask(call: { readonly number: NumberConfig; readonly user: string }): Promise<Verdict<F>> {
    const { number, user } = call;
    const decision = await this.#gate.ask(number, user);
    if (decision.kind !== 'deny') return decision;
    if (decision.code === 'no-permission' && number.requestPermission) void this.#askUser(number, user);
    return { kind: 'deny', failure: this.#deps.failure(decision.code) };
  }

  /** Asks the user for the permission. @throws StoreError */
  request(number: NumberConfig, user: string, options: RequestOptions = {}): Promise<RequestOutcome> {
    return this.#requests.send(number, user, options);
  }

  /** A call that the user did not take: no answer, declined. Calls that came to nothing otherwise do not count. */
  async unanswered(number: string, user: string): Promise<void> {
    const key = `${number}:${user}`;
    const pair = await this.#try(() =>
      this.#book.change(key, (before) => ({ ...before, unanswered: before.unanswered + 1 })),
    );
    if (pair === undefined) return;
    const { revokeAfterUnanswered: revokeAfter, nudgeAfterUnanswered: nudgeAfter } = this.#limits;
    const warning = { number, user, unanswered: pair.unanswered, revokeAfter };
    if (pair.unanswered >= revokeAfter) await this.#try(() => this.#book.forget(key));
    if (pair.unanswered === revokeAfter - 1) {
      this.#deps.log.warn(warning, 'one more unanswered call, and Meta revokes the permission of this user');
      this.#deps.warned?.(warning);
    } else if (pair.unanswered === nudgeAfter) {
      this.#deps.log.info(warning, 'Meta asks this user now whether calls are wanted');
    }
  }

  async connected(number: string, user: string): Promise<void> {
    const now = this.#clock();
    await this.#try(() => this.#book.change(`${number}:${user}`, (pair) => connectedAt(pair, now, this.#limits)));
  }

  /** The user wrote or called: free-form messages are possible for 24 hours. */
  async contacted(number: string, user: string, atMs: number): Promise<void> {
    const later = (pair: Pair): Pair => ({ ...pair, contactedAtMs: Math.max(pair.contactedAtMs ?? 0, atMs) });
    await this.#try(() => this.#book.change(`${number}:${user}`, later));
  }

  /** @returns false: a newer reply is known already */
  async reply(reply: PermissionReply): Promise<boolean> {
    const key = `${reply.number}:${reply.user}`;
    const pair = await this.#try(() => this.#book.pair(key));
    if ((pair?.repliedAtMs ?? -1) >= reply.atMs) return false;
    await this.#try(() => this.#book.change(key, (before) => ({ ...before, unanswered: 0, repliedAtMs: reply.atMs })));
    await this.#try(() => this.#book.learn(key, stateOf(reply)));
    const { number, user, accepted, permanent } = reply;
    this.#deps.log.info({ number, user, accepted, permanent }, 'the user replied to the permission request');
    this.#deps.replied?.(reply);
    return true;
  }

  /** Meta's word as of now, for operators; undefined: the number has no id, or there is no Graph. @throws GraphError */
  async show({ number, phoneNumberId }: NumberConfig, user: string): Promise<PermissionState | undefined> {
    const { graph } = this.#deps;
    if (graph === undefined || phoneNumberId === undefined) return undefined;
    return this.#gate.fresh(graph, phoneNumberId, `${number}:${user}`, user);
  }

  /** What we count ourselves, for operators. @throws StoreError */
  counts(number: string, user: string): Promise<Pair> {
    return this.#book.pair(`${number}:${user}`);
  }

  async #askUser(number: NumberConfig, user: string): Promise<void> {
    const fields = { number: number.number, user };
    const outcome = await this.#try(() => this.request(number, user));
    if (outcome === undefined) return;
    if (outcome.kind === 'sent') this.#deps.log.info({ ...fields, ...outcome }, 'the user is asked for the permission');
    else this.#deps.log.info({ ...fields, ...outcome }, 'the user is not asked for the permission');
  }

  /** Counting goes on without the store as well as it can: no call ends for it. */
  async #try<T>(step: () => Promise<T>): Promise<T | undefined> {
    try {
      return await step();
    } catch (error) {
      this.#deps.log.warn({ err: error }, 'permissions: the store failed');
      return undefined;
    }
  }
}

function stateOf(reply: PermissionReply): PermissionState {
  const actions = { call: { limits: [] }, request: { limits: [] } };
  if (!reply.accepted) return { status: 'none', ...actions };
  if (reply.permanent) return { status: 'permanent', ...actions };
  return { status: 'temporary', expiresAtMs: reply.expiresAtMs ?? reply.atMs + WEEK_MS, ...actions };
}
