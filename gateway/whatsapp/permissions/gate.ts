/** Whether a user may be called now: what is known, else Meta's word within a limit of time. */
import { parsePhoneNumberFromString } from 'libphonenumber-js/max';
import type { NumberConfig } from '../../config/types.js';
import { GraphError, type Graph } from '../graph/port.js';
import type { PermissionBook } from './book.js';
import { decide, type Decision } from './decide.js';
import type { Limits } from './limits.js';
import { permissionQuery } from './message.js';
import { isDailyLimitReached } from './pair.js';
import { readPermission, type PermissionState } from './read.js';

export interface GateDeps {
  readonly graph: Graph | undefined;
  readonly book: PermissionBook;
  readonly limits: Limits;
  /** false: Meta is not asked before a call. */
  readonly check: boolean;
  readonly timeoutMs: number;
  readonly clock: () => number;
  readonly log: { warn(fields: object, message: string): void };
}

const GRAPH_MS = 5000;
/** Meta: no business-initiated calls for this business number. */
const NOT_AVAILABLE = 138013;

export class Gate {
  readonly #asking = new Map<string, Promise<Decision>>();

  constructor(private readonly deps: GateDeps) {}

  /** Never rejects; `unknown` after the limit of time. */
  async ask(number: NumberConfig, user: string): Promise<Decision> {
    const { graph, limits, check } = this.deps;
    const country = countryOf(number.number);
    if (country !== undefined && limits.unavailableCountries.includes(country))
      return { kind: 'deny', code: 'country' };
    const { phoneNumberId } = number;
    if (!check || graph === undefined || phoneNumberId === undefined) return { kind: 'unknown' };
    const key = `${number.number}:${user}`;
    let asking = this.#asking.get(key);
    if (asking === undefined) {
      asking = this.#decide(graph, phoneNumberId, key, user).finally(() => this.#asking.delete(key));
      this.#asking.set(key, asking);
    }
    return this.#inTime(asking);
  }

  /** Meta's word as of now. @throws GraphError */
  async fresh(graph: Graph, phoneNumberId: string, key: string, user: string): Promise<PermissionState> {
    const query = permissionQuery(user);
    const state = readPermission(await graph.get(`${phoneNumberId}/call_permissions`, query, { timeoutMs: GRAPH_MS }));
    await this.deps.book.learn(key, state).catch(nothing);
    return state;
  }

  async #decide(graph: Graph, phoneNumberId: string, key: string, user: string): Promise<Decision> {
    const isOverOwn = await this.#isDailyLimitReached(key);
    if (isOverOwn) return { kind: 'deny', code: 'daily-limit' };
    try {
      const state = await this.#state(graph, phoneNumberId, key, user);
      return decide(state, this.deps.clock());
    } catch (error) {
      if (error instanceof GraphError && error.fault.code === NOT_AVAILABLE) return { kind: 'deny', code: 'country' };
      this.deps.log.warn({ user, err: error }, 'call permission is unknown: the call goes out, Meta decides');
      return { kind: 'unknown' };
    }
  }

  async #state(graph: Graph, phoneNumberId: string, key: string, user: string): Promise<PermissionState> {
    const { book } = this.deps;
    const known = book.cached(key) ?? (await book.shared(key).catch(nothing));
    return known ?? this.fresh(graph, phoneNumberId, key, user);
  }

  async #isDailyLimitReached(key: string): Promise<boolean> {
    const pair = await this.deps.book.pair(key).catch(nothing);
    return pair !== undefined && isDailyLimitReached(pair, this.deps.limits);
  }

  async #inTime(asking: Promise<Decision>): Promise<Decision> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<Decision>((resolve) => {
      timer = setTimeout(resolve, this.deps.timeoutMs, { kind: 'unknown' });
    });
    try {
      return await Promise.race([asking, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** With all of the library's data: of +1 the US, Canada and the Caribbean are told apart by the area code. */
export function countryOf(number: string): string | undefined {
  return parsePhoneNumberFromString(number)?.country;
}

/** A store that is away costs sharing, no call. */
const nothing = (): undefined => undefined;
