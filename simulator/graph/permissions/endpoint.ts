import { invalidParameter, rateLimited, Refusal } from '../errors.js';
import type { BusinessNumber } from '../numbers/business-number.js';
import type { ApiRequest, Json, World } from '../world.js';
import { isBsuid, isWaId } from './book.js';
import { callLimit, exhausted, requestLimits, type Limit, type Pair } from './pair.js';

const STATUS = { none: 'no_permission', temporary: 'temporary', permanent: 'permanent' } as const;

export function getCallPermissions({ query }: ApiRequest, number: BusinessNumber, world: World): Json {
  const user = userOf(query);
  requireBusinessCalls(number, world);
  const now = world.clock();
  const pair = world.permissions.get(number.id, user);
  const requests = requestLimits(pair, now, world.limits);
  const calls = callLimit(pair, now, world.limits);
  return {
    messaging_product: 'whatsapp',
    permission: { status: STATUS[pair.kind], ...expiry(pair, world) },
    actions: [
      {
        action_name: 'send_call_permission_request',
        can_perform_action: pair.kind !== 'permanent' && !requests.some(exhausted),
        limits: requests.map(shown),
      },
      {
        action_name: 'start_call',
        can_perform_action: pair.kind !== 'none' && !exhausted(calls),
        limits: [shown(calls)],
      },
    ],
  };
}

/** Throws 138013 where business-initiated calls are not available. */
export function requireBusinessCalls({ country }: BusinessNumber, { switches }: World): void {
  if (!switches.noBusinessCalls.includes(country)) return;
  throw new Refusal(138013, 'Business initiated calling is not available', {
    details: `Not available for business phone numbers of ${country}`,
  });
}

/** Lets the first so many requests of each second pass; the next ones are 613. */
export class RequestRate {
  #second = NaN;
  #count = 0;

  count(world: World): void {
    const second = Math.floor(world.clock() / 1000);
    if (second !== this.#second) [this.#second, this.#count] = [second, 0];
    this.#count += 1;
    if (this.#count <= world.switches.permissionRequestsPerSecond) return;
    throw rateLimited(world.options.businessAccountId, { code: 613, status: 400 });
  }
}

function userOf(query: URLSearchParams): string {
  const number = query.get('user_wa_id');
  if (number !== null) {
    if (!isWaId(number)) throw invalidParameter('user_wa_id must be a phone number');
    return number;
  }
  const recipient = query.get('recipient');
  if (recipient === null) throw invalidParameter('user_wa_id or recipient is required');
  if (!isBsuid(recipient)) throw invalidParameter('recipient must be a business-scoped user id');
  return recipient;
}

function expiry({ expiresAtMs }: Pair, { switches }: World): Json {
  return expiresAtMs === undefined ? {} : { [switches.expirationSpelling]: Math.floor(expiresAtMs / 1000) };
}

const shown = ({ period, max, usage, freeAtMs }: Limit) => ({
  time_period: period,
  max_allowed: max,
  current_usage: usage,
  ...(freeAtMs !== undefined && { limit_expiration_time: Math.ceil(freeAtMs / 1000) }),
});
