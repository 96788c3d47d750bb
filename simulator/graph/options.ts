import type { CallingWrite } from './settings/shape.js';

export interface GraphSimOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: a free one. */
  readonly port?: number;
  /** The one version that is served. Default v25.0. */
  readonly version?: string;
  /** Which limits hold, see {@link LIMITS}. */
  readonly mode: Mode;
  readonly businessAccountId: string;
  readonly appId: string;
  /** Default 'Trunk'. */
  readonly appName?: string;
  /** Signs webhooks. */
  readonly appSecret: string;
  readonly tokens: readonly AccessToken[];
  readonly numbers: readonly NumberOptions[];
  readonly templates?: readonly Template[];
  /** Sandbox: the only users who can be written to; anybody else is 131030. Default: everybody can. */
  readonly allowedRecipients?: readonly string[];
  /** Epoch ms. Default Date.now. */
  readonly clock?: () => number;
  /** Passwords, ids. Default crypto.randomBytes. */
  readonly random?: (bytes: number) => Buffer;
  /** PEM: HTTPS instead of HTTP. */
  readonly tls?: { readonly key: string; readonly certificate: string };
}

export type Mode = 'production' | 'sandbox';

export interface AccessToken {
  readonly token: string;
  readonly appId: string;
  /** Permissions, such as whatsapp_business_management. */
  readonly scopes: readonly string[];
  /** Epoch ms; absent: never. */
  readonly expiresAtMs?: number;
  readonly dataAccessExpiresAtMs?: number;
}

export interface NumberOptions {
  readonly phoneNumberId: string;
  /** E.164 with +. */
  readonly number: string;
  readonly verifiedName?: string;
  /** ISO 3166-1 alpha-2; default: from the number. */
  readonly country?: string;
  /** Settings that the app has set before the start. */
  readonly calling?: CallingWrite;
}

/** A message template that Meta has approved. */
export interface Template {
  readonly name: string;
  readonly language: string;
  /** Whether it has a call permission request component. */
  readonly callPermissionRequest: boolean;
}

export interface Limits {
  /** Permission requests to one user. */
  readonly requestsPerDay: number;
  readonly requestsPerWeek: number;
  /** Connected business-initiated calls to one user in 24 h. */
  readonly connectedPerDay: number;
  /** Unanswered or rejected business-initiated calls in a row, until the user is asked to reconsider. */
  readonly nudgeAfter: number;
  /** … until the permission is revoked. */
  readonly revokeAfter: number;
}

export const LIMITS: Readonly<Record<Mode, Limits>> = {
  production: { requestsPerDay: 1, requestsPerWeek: 2, connectedPerDay: 100, nudgeAfter: 2, revokeAfter: 4 },
  sandbox: { requestsPerDay: 25, requestsPerWeek: 100, connectedPerDay: 100, nudgeAfter: 5, revokeAfter: 10 },
};

/** Business numbers of these countries can start no calls. Later pages leave out Turkey. */
export const NO_BUSINESS_CALLS = ['US', 'CA', 'EG', 'VN', 'NG'];

/** Where sources disagree about Meta, or Meta may do the one or the other. */
export interface Switches {
  /** A POST that holds `sip` sets keying back to DTLS. Field reports disagree. Default false. */
  sipWriteResetsKeying: boolean;
  /** How call_permissions names the expiry. Default expiration_time. */
  expirationSpelling: 'expiration_time' | 'expiration';
  /** Type of servers[].app_id. Default string. */
  appIdType: 'string' | 'number';
  /** Whether can_send_message as a whole is BLOCKED because SIP is not set up. Default true. */
  healthCountsSip: boolean;
  /** Where a terminate webhook has the errors: beside `calls` or in the call. Default value. */
  callErrorsIn: 'value' | 'call';
  /** call_permissions requests in one second, then 613. Default 100. */
  permissionRequestsPerSecond: number;
  /** Countries whose business numbers can start no calls. Default {@link NO_BUSINESS_CALLS}. */
  noBusinessCalls: readonly string[];
}

export function defaultSwitches(): Switches {
  return {
    sipWriteResetsKeying: false,
    expirationSpelling: 'expiration_time',
    appIdType: 'string',
    healthCountsSip: true,
    callErrorsIn: 'value',
    permissionRequestsPerSecond: 100,
    noBusinessCalls: NO_BUSINESS_CALLS,
  };
}
