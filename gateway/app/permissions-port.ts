import { HttpError } from '../http/reply.js';
import type { LimitView, PermissionsPort, PermissionView, RequestResult } from '../http/api-ports.js';
import type { Config, NumberConfig } from '../config/types.js';
import { StoreError } from '../store/index.js';
import type { Limit, Permissions, PermissionState, RequestOutcome } from '../whatsapp/permissions/index.js';

/** Permissions as the API shows them. */
export function permissionsPort(config: Config, permissions: Permissions<unknown>): PermissionsPort {
  const numberOf = (name: string): NumberConfig | undefined => config.numbers.find(({ number }) => number === name);
  return {
    async get(name, user) {
      const number = numberOf(name);
      if (number === undefined) return undefined;
      const state = await permissions.show(number, user);
      return state === undefined ? UNKNOWN : viewOf(state);
    },
    async request(name, user) {
      const number = numberOf(name);
      if (number === undefined) return { kind: 'no-such-number' };
      try {
        return resultOf(await permissions.request(number, user));
      } catch (error) {
        if (error instanceof StoreError) throw new HttpError(503, 'store', error.message);
        throw error;
      }
    },
  };
}

/** Meta could not be asked. */
const UNKNOWN: PermissionView = { status: 'unknown', canCall: false, canRequest: false, limits: [] };

function viewOf({ status, expiresAtMs, call, request }: PermissionState): PermissionView {
  return {
    status,
    ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
    canCall: call.allowed ?? (status === 'temporary' || status === 'permanent'),
    canRequest: request.allowed ?? false,
    limits: [
      ...call.limits.map((limit) => limitOf('call', limit)),
      ...request.limits.map((limit) => limitOf('request', limit)),
    ],
  };
}

function limitOf(action: LimitView['action'], { freeAtMs, ...limit }: Limit): LimitView {
  return { action, ...limit, ...(freeAtMs === undefined ? {} : { expiresAtMs: freeAtMs }) };
}

function resultOf(outcome: RequestOutcome): RequestResult {
  switch (outcome.kind) {
    case 'sent':
      return { kind: 'sent', ...(outcome.messageId === undefined ? {} : { messageId: outcome.messageId }) };
    case 'not-needed':
      return { kind: 'granted' };
    case 'limited':
      return {
        kind: 'limited',
        reason: outcome.text,
        ...(outcome.nextAtMs === undefined ? {} : { nextAtMs: outcome.nextAtMs }),
      };
    case 'failed':
      throw new HttpError(502, 'meta', outcome.text);
  }
}
