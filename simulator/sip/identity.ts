import { randomBytes, randomUUID } from 'node:crypto';

const META_HOST = 'wa.meta.vc';
/** Meta's two proxies, the edge first: its INVITEs record them in this order. */
export const ROUTES = [
  `<sip:${META_HOST};transport=tls;lr>`,
  '<sip:onevc-sip-proxy.fbinfra.net:8191;transport=tls;lr>',
] as const;

/** How Meta spells the headers whose names differ between its documents and live calls. */
export interface HeaderSpelling {
  readonly username: 'x-wa-meta-user-name' | 'x-wa-meta-username';
  readonly country: 'x-wa-meta-country-code' | 'x-wa-meta-user-country-code';
  readonly parent: 'x-wa-meta-parent-user-id' | 'x-wa_meta-parent-user-id';
}

/** `live`: as seen in 2026's calls; `documented`: as in the tables of Meta's pages; `sample`: as in its sample messages. */
export const SPELLINGS = {
  live: { username: 'x-wa-meta-user-name', country: 'x-wa-meta-country-code', parent: 'x-wa-meta-parent-user-id' },
  documented: {
    username: 'x-wa-meta-username',
    country: 'x-wa-meta-user-country-code',
    parent: 'x-wa-meta-parent-user-id',
  },
  sample: { username: 'x-wa-meta-username', country: 'x-wa-meta-country-code', parent: 'x-wa_meta-parent-user-id' },
} as const satisfies Record<string, HeaderSpelling>;

/** Who calls whom, and what WhatsApp knows about the user. */
export interface CallParties {
  /** The user: +E.164, or a BSUID such as `US.13491208655302741918`. */
  readonly from: string;
  /** The business number, +E.164. */
  readonly to: string;
  /** The number's `request_uri_user_params`. */
  readonly requestUriUserParams?: Readonly<Record<string, string>>;
  readonly user?: {
    readonly id?: string;
    readonly parentId?: string;
    readonly name?: string;
    readonly country?: string;
  };
  readonly phoneNumberId?: string;
  /** Payload of the call button and of the wa.me link. */
  readonly ctaPayload?: string;
  readonly deeplinkPayload?: string;
  readonly spelling?: keyof typeof SPELLINGS | HeaderSpelling;
}

/** The literal texts of one call that sip.js' core would spell otherwise. */
export interface CallIdentity {
  readonly wacid: string;
  readonly callId: string;
  readonly fromTag: string;
  readonly displayName: string;
  readonly fromUri: string;
  readonly toUri: string;
  readonly requestUri: string;
  /** The request-URI without its transport parameter, as Meta hashes it. */
  readonly digestUri: string;
  readonly contactUri: string;
  /** Meta's two Record-Route values, in the order of the INVITE. */
  readonly recordRoute: readonly string[];
  /** The x-wa-meta headers of the INVITE. */
  readonly headers: readonly (readonly [string, string])[];
  /** Starts every Via branch of the call, so that branches differ between calls of one link. */
  readonly branchPrefix: string;
}

/** A WhatsApp call id. */
export function newWacid(): string {
  return `wacid.HBgL${randomBytes(31).toString('base64').replaceAll(/[+/]/g, 'A')}`;
}

/** Draws up the texts of one call in Meta's shape. */
export function identify(parties: CallParties, hostname: string): CallIdentity {
  const { from, to, requestUriUserParams = {} } = parties;
  const wacid = newWacid();
  const userParams = Object.entries(requestUriUserParams)
    .map(([name, value]) => `;${name}=${value}`)
    .join('');
  return {
    wacid,
    callId: `outgoing:${wacid}`,
    fromTag: randomUUID(),
    displayName: from.replace(/^\+/, ''),
    fromUri: `sip:${from}@${META_HOST}`,
    toUri: `sip:${to}@${hostname}`,
    requestUri: `sip:${to}${userParams}@${hostname};transport=tls`,
    digestUri: `sip:${to}${userParams}@${hostname}`,
    contactUri: `sip:${from}@${META_HOST};transport=tls;ob`,
    recordRoute: ROUTES,
    headers: metaHeaders(parties, wacid),
    branchPrefix: `z9hG4bKPj${randomUUID()}`,
  };
}

function metaHeaders(parties: CallParties, wacid: string): [string, string][] {
  const { user = {}, spelling = 'live' } = parties;
  const names = typeof spelling === 'string' ? SPELLINGS[spelling] : spelling;
  const headers: [string, string | undefined][] = [
    ['x-wa-meta-wacid', wacid],
    ['x-wa-meta-phone-number-id', parties.phoneNumberId],
    ['x-wa-meta-user-id', user.id],
    [names.parent, user.parentId],
    [names.username, user.name],
    [names.country, user.country],
    ['x-wa-meta-cta-payload', parties.ctaPayload],
    ['x-wa-meta-deeplink-payload', parties.deeplinkPayload],
  ];
  return headers.filter((entry): entry is [string, string] => entry[1] !== undefined);
}
