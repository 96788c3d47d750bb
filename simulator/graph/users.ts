import { DAY_MS, type CallOutcome, type PermissionKind } from './permissions/pair.js';
import { numberOf, stateOf, type PairState } from './state.js';
import type { World } from './world.js';

export interface RecordedCall extends CallOutcome {
  /** Phone number id or +E164. */
  readonly number: string;
  readonly user: string;
  readonly wacid?: string;
  readonly durationMs?: number;
}

/** A call as it was recorded. */
export interface KeptCall extends RecordedCall {
  /** Epoch ms when it was recorded. */
  readonly atMs: number;
}

export interface CallEffect {
  readonly pair: PairState;
  /** The user is asked now whether to go on. */
  readonly nudged: boolean;
  /** The permission was revoked by Meta now. */
  readonly revoked: boolean;
  /** A temporary permission came by itself, for callback is enabled. */
  readonly granted: boolean;
}

export interface Reply {
  readonly response: 'accept' | 'reject';
  /** Default false. */
  readonly permanent?: boolean;
}

/** `interactive.call_permission_reply` of the webhook that Meta would send. */
export interface PermissionReply {
  readonly response: 'accept' | 'reject';
  readonly is_permanent?: boolean;
  /** Epoch seconds. */
  readonly expiration_timestamp?: number;
  readonly response_source: 'user_action' | 'automatic';
}

/** What users do. Numbers: phone number id or +E164; users: with or without +, or a BSUID. */
export interface Users {
  /** In the business's profile, say. A temporary permission lasts 168 h unless told otherwise. */
  grant(
    number: string,
    user: string,
    permission: { readonly kind: Exclude<PermissionKind, 'none'>; readonly expiresAtMs?: number },
  ): PairState;
  revoke(number: string, user: string): PairState;
  /** Answers the last request; throws when there is none that waits. */
  userReplies(
    number: string,
    user: string,
    reply: Reply,
  ): { readonly messageId: string; readonly reply: PermissionReply };
}

export function createUsers(world: World): Users {
  const { permissions } = world;
  const state = stateOf(world);
  return {
    grant: (number, user, { kind, expiresAtMs }) => {
      permissions.grant(numberOf(world, number).id, user, kind, expiresAtMs);
      return state.pair(number, user);
    },
    revoke: (number, user) => {
      permissions.revoke(numberOf(world, number).id, user);
      return state.pair(number, user);
    },
    userReplies: (number, user, { response, permanent = false }) => {
      const { id } = numberOf(world, number);
      const { pending } = permissions.get(id, user);
      if (!pending) throw new Error(`Graph stand-in: ${user} has no call permission request to answer`);
      openWindow(world, number, user);
      if (response === 'reject') {
        return { messageId: pending.messageId, reply: { response, response_source: 'user_action' } };
      }
      const { expiresAtMs } = permissions.grant(id, user, permanent ? 'permanent' : 'temporary');
      return { messageId: pending.messageId, reply: accepted(permanent, expiresAtMs, 'user_action') };
    },
  };
}

/** A call as Meta counts it. A user's call opens the service window, and gives permission where callback is enabled. */
export function recordCall(world: World, recorded: RecordedCall): CallEffect {
  const { number, user, ...call } = recorded;
  const { id, calling } = numberOf(world, number);
  world.calls.push({ ...recorded, atMs: world.clock() });
  const before = world.permissions.get(id, user);
  const counted = world.permissions.called(id, user, call);
  const byUser = call.direction === 'user-initiated';
  if (byUser) openWindow(world, number, user);
  const granted = byUser && calling.callback_permission_status === 'ENABLED' && counted.kind === 'none';
  if (granted) world.permissions.grant(id, user, 'temporary');
  return {
    pair: stateOf(world).pair(number, user),
    nudged: counted.nudged && !before.nudged,
    revoked: before.kind !== 'none' && counted.kind === 'none',
    granted,
  };
}

export function openWindow(world: World, number: string, user: string): void {
  world.permissions.openWindow(numberOf(world, number).id, user, world.clock() + DAY_MS);
}

function accepted(permanent: boolean, expiresAtMs: number | undefined, source: PermissionReply['response_source']) {
  return {
    response: 'accept',
    is_permanent: permanent,
    ...(expiresAtMs !== undefined && { expiration_timestamp: Math.floor(expiresAtMs / 1000) }),
    response_source: source,
  } as const;
}
