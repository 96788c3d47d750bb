/** Meta's answer about the permission of a user, read leniently: names and forms differ between Meta's own pages. */
import type { GraphObject } from '../graph/port.js';
import { objectOf } from '../graph/reply.js';

export interface PermissionState {
  /** `unknown`: the answer says nothing that is understood. */
  readonly status: 'none' | 'temporary' | 'permanent' | 'unknown';
  readonly expiresAtMs?: number;
  /** Whether the business may call now. */
  readonly call: ActionState;
  /** Whether it may ask for the permission now. */
  readonly request: ActionState;
}

export interface ActionState {
  /** undefined: not said. */
  readonly allowed?: boolean;
  readonly limits: readonly Limit[];
}

export interface Limit {
  /** ISO 8601 duration, as Meta writes it. */
  readonly period: string;
  readonly max: number;
  readonly used: number;
  /** When one more is possible. */
  readonly freeAtMs?: number;
}

const STATUSES = { no_permission: 'none', none: 'none', temporary: 'temporary', permanent: 'permanent' } as const;

export function readPermission(answer: GraphObject): PermissionState {
  const permission = objectOf(answer.permission ?? answer);
  const status = statusOf(permission.status);
  const expiresAtMs = timeOf(permission.expiration_time ?? permission.expiration ?? permission.expiration_timestamp);
  const actions = (Array.isArray(answer.actions) ? (answer.actions as unknown[]) : []).map(objectOf);
  const action = (name: string): ActionState => actionOf(actions.find((one) => one.action_name === name));
  return {
    status,
    ...(expiresAtMs === undefined || status !== 'temporary' ? {} : { expiresAtMs }),
    call: action('start_call'),
    request: action('send_call_permission_request'),
  };
}

/** Epoch ms of seconds, milliseconds, digits in a text, or ISO 8601. 0 and what is no time: none. */
export function timeOf(value: unknown): number | undefined {
  const isNumber = typeof value === 'number' || (typeof value === 'string' && /^\d+$/.test(value));
  if (!isNumber) {
    const parsed = typeof value === 'string' ? Date.parse(value) : NaN;
    return Number.isNaN(parsed) ? undefined : parsed;
  }
  const number = Number(value);
  if (!Number.isFinite(number) || number <= 0) return undefined;
  return number < 1e11 ? number * 1000 : number;
}

function statusOf(value: unknown): PermissionState['status'] {
  const text = typeof value === 'string' ? value.toLowerCase() : '';
  return text in STATUSES ? STATUSES[text as keyof typeof STATUSES] : 'unknown';
}

function actionOf(action: GraphObject | undefined): ActionState {
  const allowed = action?.can_perform_action;
  const limits = (Array.isArray(action?.limits) ? (action.limits as unknown[]) : []).map(objectOf).flatMap((limit) => {
    const [max, used] = [Number(limit.max_allowed), Number(limit.current_usage)];
    if (!Number.isFinite(max) || !Number.isFinite(used)) return [];
    const freeAtMs = timeOf(limit.limit_expiration_time);
    const period = typeof limit.time_period === 'string' ? limit.time_period : '';
    return [{ period, max, used, ...(freeAtMs === undefined ? {} : { freeAtMs }) }];
  });
  return { ...(typeof allowed === 'boolean' ? { allowed } : {}), limits };
}
