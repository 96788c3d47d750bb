/** What Meta says about a number: read leniently, for fields come and go. */
import { knownError } from '../graph/index.js';
import type { GraphObject } from '../graph/index.js';
import { asObject } from '../graph/reply.js';

/** Of `GET /<phone number id>`. */
export const HEALTH_FIELDS = 'health_status,quality_rating,status';

export type Ability = 'available' | 'limited' | 'blocked' | 'unknown';

export interface NumberHealth {
  /** The worse of number and app. Meta's aggregate is about messages, and BLOCKED for SIP alone: it is not looked at. */
  readonly sip: Ability;
  readonly entities: readonly SipEntity[];
  /** `GREEN`, `YELLOW`, `RED`, … */
  readonly quality?: string;
  /** `CONNECTED`, `BANNED`, `RESTRICTED`, … */
  readonly status?: string;
}

export interface SipEntity {
  readonly type: 'PHONE_NUMBER' | 'APP';
  readonly id?: string;
  readonly sip: Ability;
  /** Empty while it is available: then Meta's errors are about messages. */
  readonly problems: readonly Problem[];
}

export interface Problem {
  readonly code?: number;
  readonly text: string;
  /** What to do: here, where the code is known, and in Meta's words. */
  readonly solution?: string;
}

export interface Restriction {
  /** `RESTRICTED_BUSINESS_INITIATED_CALLING`, … */
  readonly type: string;
  /** Which calls it stops. An unknown type is taken to stop both. */
  readonly stops: 'business-initiated' | 'user-initiated' | 'both';
  readonly reason?: string;
  /** Epoch ms; absent: until Meta lifts it. */
  readonly expiresAtMs?: number;
}

const WORST: readonly Ability[] = ['blocked', 'limited', 'unknown', 'available'];
/** Calling, and nothing else. */
const CALLING_CODE = /^138\d{3}$/;

/** @param reply of `GET /<phone number id>?fields=health_status,quality_rating,status` */
export function readNumberHealth(reply: GraphObject): NumberHealth {
  const entities = listOf(asObject(reply.health_status)?.entities).flatMap(readEntity);
  const abilities = entities.map(({ sip }) => sip);
  return {
    sip: WORST.find((ability) => abilities.includes(ability)) ?? 'unknown',
    entities,
    ...textOf('quality', reply.quality_rating),
    ...textOf('status', reply.status),
  };
}

/** @param settings of `GET /<phone number id>/settings` */
export function readRestrictions(settings: GraphObject): readonly Restriction[] {
  const restrictions = asObject(asObject(settings.calling)?.restrictions);
  const list = restrictions?.restrictions_list ?? restrictions?.restriction_list;
  return listOf(list).flatMap((value): Restriction[] => {
    const { type, reason, expiration } = asObject(value) ?? {};
    if (typeof type !== 'string' || type === '') return [];
    const expiresAtMs = epochMs(expiration);
    return [
      {
        type,
        stops: stopsOf(type),
        ...textOf('reason', reason),
        ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
      },
    ];
  });
}

function readEntity(value: unknown): SipEntity[] {
  const entity = asObject(value);
  const type = entity?.entity_type;
  if (entity === undefined || (type !== 'PHONE_NUMBER' && type !== 'APP')) return [];
  const sip = readAbility(entity.can_receive_call_sip);
  const problems = sip === 'blocked' || sip === 'limited' ? problemsOf(entity) : [];
  return [{ type, sip, problems, ...textOf('id', entity.id) }];
}

function readAbility(value: unknown): Ability {
  const word = typeof value === 'string' ? value.toLowerCase() : '';
  return word === 'available' || word === 'limited' || word === 'blocked' ? word : 'unknown';
}

/** Errors of messages stand in the same list: where some are about calling, these are the ones. */
function problemsOf(entity: GraphObject): readonly Problem[] {
  const errors = listOf(entity.errors).flatMap(readProblem);
  const calling = errors.filter(({ code }) => CALLING_CODE.test(String(code)));
  const notes = listOf(entity.additional_info).flatMap((note) => {
    const text = nonEmpty(note);
    return text === undefined ? [] : [{ text }];
  });
  return [...(calling.length > 0 ? calling : errors), ...notes];
}

function readProblem(value: unknown): Problem[] {
  const error = asObject(value);
  if (error === undefined) return [];
  const code = integerOf(error.error_code);
  const known = code === undefined ? undefined : knownError(code);
  const text = nonEmpty(error.error_description) ?? known?.meaning ?? 'no reason given';
  const solutions = [known?.remedy, nonEmpty(error.possible_solution)].filter((one) => one !== undefined);
  return [
    {
      ...(code === undefined ? {} : { code }),
      text,
      ...(solutions.length === 0 ? {} : { solution: solutions.join('; Meta says: ') }),
    },
  ];
}

function stopsOf(type: string): Restriction['stops'] {
  const business = /BUSINESS_INITIATED|BIZ_INITIATED/.test(type);
  const user = type.includes('USER_INITIATED');
  if (business === user) return 'both';
  return business ? 'business-initiated' : 'user-initiated';
}

/** Seconds at Meta, as a number or its digits. */
function epochMs(value: unknown): number | undefined {
  const seconds = typeof value === 'string' && /^\d{1,12}$/.test(value) ? Number(value) : value;
  return typeof seconds === 'number' && Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined;
}

function integerOf(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isInteger(number) ? number : undefined;
}

function nonEmpty(value: unknown): string | undefined {
  const text = typeof value === 'string' ? value.replace(/[\p{Cc}\s]+/gu, ' ').trim() : '';
  return text === '' ? undefined : text;
}

function textOf<K extends string>(key: K, value: unknown): Partial<Record<K, string>> {
  const text = nonEmpty(typeof value === 'number' ? String(value) : value);
  return text === undefined ? {} : ({ [key]: text } as Partial<Record<K, string>>);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]) : [];
}
