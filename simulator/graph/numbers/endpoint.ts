import { invalidParameter, Refusal } from '../errors.js';
import type { ApiRequest, Json, World } from '../world.js';
import type { BusinessNumber } from './business-number.js';
import { healthStatus } from './health.js';

type Field = (number: BusinessNumber, request: ApiRequest, world: World) => unknown;

const FIELDS: Readonly<Record<string, Field>> = {
  id: ({ id }) => id,
  display_phone_number: ({ displayNumber }) => displayNumber,
  verified_name: ({ verifiedName }) => verifiedName,
  quality_rating: () => 'GREEN',
  code_verification_status: () => 'VERIFIED',
  platform_type: () => 'CLOUD_API',
  throughput: () => ({ level: 'STANDARD' }),
  status: () => 'CONNECTED',
  name_status: () => 'APPROVED',
  account_mode: (_number, _request, { options }) => (options.mode === 'sandbox' ? 'SANDBOX' : 'LIVE'),
  messaging_limit_tier: () => 'TIER_2K',
  health_status: (number, { token }, world) => healthStatus(number, token, world),
};

const DEFAULT_FIELDS = [
  'verified_name',
  'code_verification_status',
  'display_phone_number',
  'quality_rating',
  'platform_type',
  'throughput',
  'id',
];

const PAGE_SIZE = 25;

export function getNumber(request: ApiRequest, number: BusinessNumber, world: World): Json {
  return described(number, wantedFields(request.query), request, world);
}

/** Pages of `limit` numbers; `after` and `before` are the cursors of the page before and the page after. */
export function getNumbers(request: ApiRequest, world: World): Json {
  const { query, url } = request;
  const fields = wantedFields(query);
  const all = [...world.numbers.values()];
  const limit = pageSize(query);
  const { from, to } = range(query, limit, all.length);
  const page = all.slice(from, to);
  const data = page.map((number) => described(number, fields, request, world));
  const [first, last] = [page[0], page.at(-1)];
  if (!first || !last) return { data };
  const link = (name: string, value: string) => {
    const others = new URLSearchParams([...query].filter(([key]) => key !== 'after' && key !== 'before'));
    others.set(name, value);
    return `${url}?${others.toString()}`;
  };
  return {
    data,
    paging: {
      cursors: { before: cursor(from), after: cursor(to) },
      ...(from > 0 && { previous: link('before', cursor(from)) }),
      ...(to < all.length && { next: link('after', cursor(to)) }),
    },
  };
}

function described(number: BusinessNumber, fields: readonly string[], request: ApiRequest, world: World): Json {
  return Object.fromEntries(fields.map((name) => [name, FIELDS[name]?.(number, request, world)]));
}

function wantedFields(query: URLSearchParams): readonly string[] {
  const wanted = query.get('fields');
  if (wanted === null) return DEFAULT_FIELDS;
  const names = wanted.split(',').map((name) => name.trim());
  for (const name of names) {
    if (!Object.hasOwn(FIELDS, name)) {
      throw new Refusal(100, `Tried accessing nonexisting field (${name}) on node type (WhatsAppBusinessPhoneNumber)`);
    }
  }
  return names.includes('id') ? names : [...names, 'id'];
}

function pageSize(query: URLSearchParams): number {
  const text = query.get('limit');
  if (text === null) return PAGE_SIZE;
  if (!/^[1-9]\d{0,3}$/.test(text)) throw invalidParameter('limit must be a positive number');
  return Number(text);
}

function range(query: URLSearchParams, limit: number, count: number): { readonly from: number; readonly to: number } {
  const before = query.get('before');
  if (before !== null) {
    const to = position(before, 'before');
    return { from: Math.max(0, to - limit), to };
  }
  const from = position(query.get('after') ?? cursor(0), 'after');
  return { from, to: Math.min(count, from + limit) };
}

const cursor = (at: number): string => Buffer.from(`at:${at}`).toString('base64url');

function position(text: string, name: string): number {
  const match = /^at:(\d+)$/.exec(Buffer.from(text, 'base64url').toString());
  if (!match) throw invalidParameter(`${name} is no cursor`);
  return Number(match[1]);
}
