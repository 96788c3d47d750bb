/** Asks users for the permission to call, as often as Meta allows and no more, whoever of several gateways asks. */
import type { NumberConfig } from '../../config/types.js';
import type { PermissionsConfig } from '../../config/types-control.js';
import type { Store } from '../../store/index.js';
import { GraphError, type Graph } from '../graph/port.js';
import type { PermissionBook } from './book.js';
import { decideRequest, type RequestDecision } from './decide.js';
import type { Limits } from './limits.js';
import { messageBody, permissionQuery, type RequestMessage } from './message.js';
import { isWindowOpen, nextRequestAt, type Pair } from './pair.js';
import { readPermission } from './read.js';

export interface RequestOptions {
  /** Free-form text instead of the configured one. */
  readonly text?: string;
  /** This template, whether or not the service window is open. */
  readonly template?: { readonly name: string; readonly language: string };
}

export type RequestOutcome =
  | { readonly kind: 'sent'; readonly message: 'free-form' | 'template'; readonly messageId?: string }
  /** The permission is permanent already. */
  | { readonly kind: 'not-needed' }
  /** One line for the operator; `nextAtMs`: when it is possible. */
  | { readonly kind: 'limited'; readonly text: string; readonly nextAtMs?: number }
  /** One line for the operator. */
  | { readonly kind: 'failed'; readonly text: string };

export interface RequestsDeps {
  readonly graph: Graph | undefined;
  readonly store: Store;
  readonly book: PermissionBook;
  readonly settings: Pick<PermissionsConfig, 'requestText' | 'requestTemplate'>;
  readonly limits: Limits;
  readonly clock: () => number;
}

const LEASE_MS = 30_000;
const GRAPH_MS = 10_000;
/** Meta's own count may be that late. */
const LAST_ONE_MS = 60_000;
/** Meta: the service window is closed. */
const RE_ENGAGEMENT = 131047;

export class PermissionRequests {
  constructor(private readonly deps: RequestsDeps) {}

  /** @throws StoreError: without the store nobody knows who has asked already */
  async send(number: NumberConfig, user: string, options: RequestOptions): Promise<RequestOutcome> {
    const { graph, store } = this.deps;
    const { phoneNumberId } = number;
    if (graph === undefined || phoneNumberId === undefined) {
      return {
        kind: 'failed',
        text: `${number.number}: graph.token and numbers[].phoneNumberId are needed to send messages`,
      };
    }
    const key = `${number.number}:${user}`;
    const lease = await store.lease(`permission-request:${key}`, LEASE_MS);
    if (lease === undefined) return { kind: 'limited', text: `${user} is being asked at this moment` };
    try {
      return await this.#ask(graph, phoneNumberId, key, user, options);
    } catch (error) {
      if (!(error instanceof GraphError)) throw error;
      return { kind: 'failed', text: [error.fault.message, error.fault.remedy].filter(Boolean).join('; ') };
    } finally {
      await lease.release();
    }
  }

  async #ask(
    graph: Graph,
    phoneNumberId: string,
    key: string,
    user: string,
    options: RequestOptions,
  ): Promise<RequestOutcome> {
    const pair = await this.deps.book.pair(key);
    const decision = this.#own(pair, await this.#atMeta(graph, phoneNumberId, key, user));
    if (decision.kind === 'not-needed') return decision;
    if (decision.kind === 'limited') return limited(user, decision.nextAtMs);
    // Noted before it is sent: one that may have reached Meta counts.
    const at = this.deps.clock();
    await this.deps.book.change(key, (before) => ({ ...before, requests: [...before.requests, at] }));
    try {
      return await this.#post(graph, phoneNumberId, user, this.#messages(pair, options));
    } catch (error) {
      if (error instanceof GraphError && error.fault.kind === 'refused') {
        const without = (before: Pair): Pair => ({ ...before, requests: before.requests.filter((one) => one !== at) });
        await this.deps.book.change(key, without);
      }
      throw error;
    }
  }

  async #atMeta(graph: Graph, phoneNumberId: string, key: string, user: string): Promise<RequestDecision> {
    try {
      const query = permissionQuery(user);
      const state = readPermission(
        await graph.get(`${phoneNumberId}/call_permissions`, query, { timeoutMs: GRAPH_MS }),
      );
      await this.deps.book.learn(key, state);
      return decideRequest(state);
    } catch (error) {
      if (error instanceof GraphError) return { kind: 'unknown' };
      throw error;
    }
  }

  /** Meta's word counts; where it says nothing, our own log. */
  #own(pair: Pair, atMeta: RequestDecision): RequestDecision {
    const now = this.deps.clock();
    const last = pair.requests.at(-1) ?? -Infinity;
    const nextAtMs = nextRequestAt(pair, now, this.deps.limits);
    if (atMeta.kind === 'unknown') return nextAtMs === undefined ? { kind: 'allowed' } : { kind: 'limited', nextAtMs };
    if (atMeta.kind === 'limited' && atMeta.nextAtMs === undefined && nextAtMs !== undefined) {
      return { kind: 'limited', nextAtMs };
    }
    const isTooSoon = atMeta.kind === 'allowed' && nextAtMs !== undefined && last > now - LAST_ONE_MS;
    return isTooSoon ? { kind: 'limited', nextAtMs } : atMeta;
  }

  /** The first that Meta takes. */
  #messages(pair: Pair, { text, template }: RequestOptions): readonly RequestMessage[] {
    const { requestText, requestTemplate } = this.deps.settings;
    if (template !== undefined) return [{ kind: 'template', ...template }];
    const freeForm = { kind: 'free-form', text: text ?? requestText } as const;
    if (requestTemplate === undefined) return [freeForm];
    const templated = { kind: 'template', ...requestTemplate } as const;
    // The user may have written or called without our knowing it.
    const isFreeFormFirst = text !== undefined || isWindowOpen(pair, this.deps.clock());
    return isFreeFormFirst ? [freeForm, templated] : [templated];
  }

  async #post(
    graph: Graph,
    phoneNumberId: string,
    user: string,
    messages: readonly RequestMessage[],
  ): Promise<RequestOutcome> {
    const [message, ...others] = messages;
    if (message === undefined) return { kind: 'failed', text: 'there is no message to send' };
    try {
      const body = messageBody(user, message);
      const answer = await graph.post(`${phoneNumberId}/messages`, body, { timeoutMs: GRAPH_MS });
      const [first] = Array.isArray(answer.messages) ? (answer.messages as { readonly id?: unknown }[]) : [];
      const id = typeof first?.id === 'string' ? { messageId: first.id } : {};
      return { kind: 'sent', message: message.kind, ...id };
    } catch (error) {
      const isClosed = error instanceof GraphError && error.fault.code === RE_ENGAGEMENT;
      if (isClosed && others.length > 0) return this.#post(graph, phoneNumberId, user, others);
      throw error;
    }
  }
}

function limited(user: string, nextAtMs: number | undefined): RequestOutcome {
  const next =
    nextAtMs === undefined ? 'Meta does not say when the next is possible' : `next possible at ${iso(nextAtMs)}`;
  return {
    kind: 'limited',
    text: `${user} was asked as often as Meta allows; ${next}`,
    ...(nextAtMs === undefined ? {} : { nextAtMs }),
  };
}

const iso = (ms: number): string => new Date(ms).toISOString();
