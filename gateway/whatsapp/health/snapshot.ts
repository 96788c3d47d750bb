/** What is known of the health of all numbers, and what in it an operator should know. */
import type { TokenState } from '../graph/index.js';
import { lowPickup } from './pickup.js';
import type { Direction, Pickup } from './pickup.js';
import type { NumberHealth, Restriction } from './read.js';
import type { TimeToMeta } from './time.js';

export interface HealthSnapshot {
  /** Of the last round, epoch ms; absent: none is over yet. */
  readonly atMs?: number;
  readonly numbers: readonly NumberSnapshot[];
  readonly token?: Known<TokenState>;
  readonly time?: Known<TimeToMeta>;
  /** Of the server's certificate. */
  readonly certificate?: Known<{ readonly expiresAtMs: number }>;
}

/** The last that was known; `fault`: why it could not be had in the last round. */
export interface Known<T> {
  readonly value?: T;
  readonly fault?: string;
}

export interface NumberSnapshot {
  readonly number: string;
  readonly health: Known<NumberHealth>;
  readonly restrictions: Known<readonly Restriction[]>;
  /** Absent: there are no records to count. */
  readonly pickup?: Known<Readonly<Record<Direction, Pickup>>>;
}

export interface Concern {
  /** The same concern has the same key in every round. */
  readonly key: string;
  readonly severity: 'fail' | 'warn';
  readonly text: string;
  readonly remedy?: string;
  /** The business number, if it is about one. */
  readonly number?: string;
}

/** Of keys: something could not be read. */
const UNKNOWN = ':unknown';
export const DAY_MS = 86_400_000;
/** A token or certificate that expires earlier is a concern. */
export const SOON_DAYS = 14;
/** More than webhooks and expiries can stand. */
const CLOCK_LIMIT_MS = 60_000;

/** Everything in the snapshot that should not stay so; worst first. */
export function concernsOf(snapshot: HealthSnapshot, nowMs: number): readonly Concern[] {
  const all = [
    ...tokenConcerns(snapshot.token, nowMs),
    ...certificateConcerns(snapshot.certificate, nowMs),
    ...timeConcerns(snapshot.time),
    ...snapshot.numbers.flatMap((number) => numberConcerns(number, nowMs)),
  ].filter(({ key }) => snapshot.time?.fault === undefined || !key.endsWith(UNKNOWN)); // said once is enough
  return [...all.filter(({ severity }) => severity === 'fail'), ...all.filter(({ severity }) => severity === 'warn')];
}

export function tokenConcerns(token: Known<TokenState> | undefined, nowMs: number): readonly Concern[] {
  return [...unknown('token', token?.fault), ...stateConcerns(token?.value, nowMs)];
}

/** What was known before still holds. */
function unknown(what: string, fault: string | undefined): readonly Concern[] {
  return fault === undefined ? [] : [{ key: `${what}${UNKNOWN}`, severity: 'warn', text: fault }];
}

function stateConcerns(state: TokenState | undefined, nowMs: number): readonly Concern[] {
  if (state === undefined) return [];
  const remedy = 'make a new system-user token and put it into the token file; it is taken up without a restart';
  if (!state.valid) {
    const text = `the access token is not valid${state.reason === undefined ? '' : `: ${state.reason}`}`;
    return [{ key: 'token:invalid', severity: 'fail', text, remedy }];
  }
  const missing = state.missingScopes.join(', ');
  const scopes: Concern = {
    ...{ key: 'token:scopes', severity: 'fail', text: `the access token lacks ${missing}` },
    remedy: `give the system user ${missing}, then ${remedy}`,
  };
  return [
    ...(missing === '' ? [] : [scopes]),
    ...expiryConcern('token:expiry', 'the access token', state.expiresAtMs, nowMs, remedy),
    ...expiryConcern('token:data', "the token's access to data", state.dataAccessExpiresAtMs, nowMs, remedy),
  ];
}

export function certificateConcerns(certificate: HealthSnapshot['certificate'], nowMs: number): readonly Concern[] {
  const remedy = 'renew the files of whatsapp.certificate and whatsapp.privateKey, and send the gateway SIGHUP';
  if (certificate?.fault !== undefined) {
    return [{ key: 'certificate:unknown', severity: 'fail', text: certificate.fault, remedy }];
  }
  return expiryConcern('certificate:expiry', 'the certificate', certificate?.value?.expiresAtMs, nowMs, remedy);
}

export function timeConcerns(time: Known<TimeToMeta> | undefined): readonly Concern[] {
  if (time?.fault !== undefined) {
    const remedy = 'look at the network, the proxy variables and graph.url';
    return [
      { key: 'graph:unreachable', severity: 'fail', text: `the Graph API does not answer: ${time.fault}`, remedy },
    ];
  }
  const ahead = time?.value?.clockAheadMs ?? 0;
  if (Math.abs(ahead) <= CLOCK_LIMIT_MS) return [];
  const seconds = Math.round(Math.abs(ahead) / 1000);
  const text = `the clock of this machine is ${seconds} s ${ahead > 0 ? 'ahead of' : 'behind'} Meta's`;
  return [{ key: 'clock', severity: 'warn', text, remedy: 'let it be set by NTP' }];
}

export function numberConcerns(
  { number, health, restrictions, pickup }: NumberSnapshot,
  nowMs: number,
): readonly Concern[] {
  return [
    ...healthConcerns(health),
    ...unknown('restrictions', restrictions.fault),
    ...(restrictions.value ?? []).flatMap((restriction) => restrictionConcern(restriction, nowMs)),
    ...pickupConcerns(pickup?.value),
  ].map((concern) => ({ ...concern, key: `${number}:${concern.key}`, text: `${number}: ${concern.text}`, number }));
}

function healthConcerns({ value, fault }: Known<NumberHealth>): readonly Concern[] {
  const unread = unknown('health', fault);
  if (value === undefined) return unread;
  const sip = value.entities.flatMap(({ type, sip: ability, problems }): Concern[] => {
    if (ability !== 'blocked' && ability !== 'limited') return [];
    const reasons = problems.map(({ code, text }) => (code === undefined ? text : `${text} (${code})`));
    const solutions = problems.flatMap(({ solution }) => (solution === undefined ? [] : [solution]));
    const who = type === 'APP' ? 'the app' : 'the number';
    return [
      {
        key: `sip:${type}:${ability}`,
        severity: ability === 'blocked' ? 'fail' : 'warn',
        text: `SIP calls to ${who} are ${ability}${reasons.length === 0 ? '' : `: ${reasons.join('; ')}`}`,
        ...(solutions.length === 0 ? {} : { remedy: solutions.join('; ') }),
      },
    ];
  });
  const { status, quality } = value;
  const state: Concern[] =
    status === undefined || status === 'CONNECTED'
      ? []
      : [
          {
            ...{ key: `status:${status}`, severity: 'warn', text: `Meta's status of the number is ${status}` },
            remedy: 'see the number in WhatsApp Manager',
          },
        ];
  return [...unread, ...sip, ...state, ...qualityConcern(quality)];
}

function qualityConcern(quality: string | undefined): readonly Concern[] {
  if (quality !== 'RED' && quality !== 'YELLOW') return [];
  const text = `the quality of the number is ${quality === 'RED' ? 'low' : 'medium'}: users block or report it`;
  return [{ key: `quality:${quality}`, severity: 'warn', text, remedy: 'see the number in WhatsApp Manager' }];
}

function restrictionConcern({ type, stops, reason, expiresAtMs }: Restriction, nowMs: number): readonly Concern[] {
  if (expiresAtMs !== undefined && expiresAtMs <= nowMs) return [];
  const calls = stops === 'both' ? 'all calls' : `${stops} calls`;
  const until = expiresAtMs === undefined ? '' : ` until ${new Date(expiresAtMs).toISOString()}`;
  return [
    {
      ...{ key: `restriction:${type}`, severity: 'fail' },
      text: `Meta has stopped ${calls}${until} (${type})${reason === undefined ? '' : `: ${reason}`}`,
      remedy: 'call only who wants it, pick up who calls, and appeal in WhatsApp Manager if it is wrong',
    },
  ];
}

const PICKUP_ADVICE: Readonly<Record<Direction, readonly [string, string]>> = {
  'user-initiated': [
    'calls of users were picked up',
    'staff the queue, or set numbers[].calling.callHours or callIconVisibility: Meta hides the call button of such a number',
  ],
  'business-initiated': [
    'calls to users were picked up',
    'call at better hours and only who expects it: Meta revokes permissions of users who do not answer, and may stop the calls',
  ],
};

function pickupConcerns(pickup: Readonly<Record<Direction, Pickup>> | undefined): readonly Concern[] {
  if (pickup === undefined) return [];
  return (Object.keys(PICKUP_ADVICE) as Direction[]).flatMap((direction): Concern[] => {
    const low = lowPickup(pickup[direction]);
    if (low === undefined) return [];
    const [what, remedy] = PICKUP_ADVICE[direction];
    const { answered, calls } = low.rate;
    return [
      {
        ...{ key: `pickup:${direction}`, severity: 'warn', remedy },
        text: `only ${answered} of the last ${calls} ${what} (${low.span})`,
      },
    ];
  });
}

function expiryConcern(
  key: string,
  what: string,
  expiresAtMs: number | undefined,
  nowMs: number,
  remedy: string,
): readonly Concern[] {
  if (expiresAtMs === undefined || expiresAtMs - nowMs > SOON_DAYS * DAY_MS) return [];
  const on = new Date(expiresAtMs).toISOString().slice(0, 10);
  const days = Math.floor((expiresAtMs - nowMs) / DAY_MS);
  if (expiresAtMs <= nowMs) return [{ key, severity: 'fail', text: `${what} expired on ${on}`, remedy }];
  return [{ key, severity: 'warn', text: `${what} expires in ${days} days, on ${on}`, remedy }];
}
