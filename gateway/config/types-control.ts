/** The control plane's part of the configuration, as loaded. */
import type { Hours, Secret, WeeklyHours } from './types.js';

export interface GraphConfig {
  /** Without version and trailing slash. */
  readonly url: string;
  readonly version: string;
  readonly token: TokenSource;
  readonly businessAccountId?: string;
  /** File with further roots. */
  readonly ca?: string;
  readonly timeoutMs: number;
  /** Between two comparisons of Meta's settings with the configuration; 0: none. */
  readonly checkIntervalMs: number;
  readonly reconcile: boolean;
}

/** A file is read again when it changes; a secret stays. */
export type TokenSource =
  { readonly kind: 'file'; readonly file: string } | { readonly kind: 'fixed'; readonly secret: Secret };

export type StoreConfig = (
  | { readonly engine: 'memory' }
  | { readonly engine: 'sqlite'; readonly file: string }
  | { readonly engine: 'redis'; readonly url: string; readonly password?: Secret }
) & {
  /** Secrets are sealed with it; absent: they are not kept. */
  readonly key?: Secret;
};

/** What Meta allows between a business number and a user; `preset` gives what the configuration does not. */
export interface PermissionRules {
  readonly preset: 'production' | 'sandbox';
  readonly connectedCallsPerDay?: number;
  readonly requestsPerDay?: number;
  readonly requestsPerWeek?: number;
  readonly revokeAfterUnanswered?: number;
  readonly unavailableCountries?: readonly string[];
}

export interface PermissionsConfig {
  /** Meta is asked before a user is called. */
  readonly check: boolean;
  readonly timeoutMs: number;
  readonly cacheMs: number;
  readonly rules: PermissionRules;
  readonly requestText: string;
  readonly requestTemplate?: { readonly name: string; readonly language: string };
}

export interface WebhooksConfig {
  readonly listen: { readonly host: string; readonly port: number };
  readonly path: string;
  /** With the certificate of whatsapp. */
  readonly tls: boolean;
  readonly verifyToken: Secret;
  /** Any of them may have signed. */
  readonly appSecrets: readonly Secret[];
}

export type Switch = 'enabled' | 'disabled';

/** Call settings of a number at Meta. What is absent is left alone. */
export interface CallingConfig {
  readonly status?: Switch;
  readonly sip?: {
    readonly status: Switch;
    readonly hostname: string;
    readonly port: number;
    readonly requestUriUserParams?: Readonly<Record<string, string>>;
    readonly webhookDelivery?: Switch;
  };
  readonly callIconVisibility?: 'default' | 'disable_all';
  /** Empty: everywhere. */
  readonly restrictToUserCountries?: readonly string[];
  readonly callHours?: {
    readonly status: Switch;
    readonly timezone: string;
    readonly weekly: readonly WeeklyHours[];
    /** `date` YYYY-MM-DD; times HH:MM; the same time twice: closed. */
    readonly holidays: readonly { readonly date: string; readonly from: string; readonly to: string }[];
  };
  readonly callbackPermission?: Switch;
  readonly voicemail?: {
    readonly status: Switch;
    readonly triggers: readonly ('reject' | 'timeout')[];
    readonly announcementMediaId?: string;
    readonly timeoutSeconds?: number;
  };
  /** As the number's keying: always managed where the rest is. */
  readonly keying: 'dtls' | 'sdes';
  /** Besides opus; absent: the number's codecs are not set, and Meta's are left alone. */
  readonly additionalCodecs?: readonly ('PCMA' | 'PCMU')[];
}

/** Calls back to users who were not answered. */
export interface CallbackConfig {
  /** Called first, at the number's trunk. */
  readonly extension: string;
  /** At its hours; false: when an agent asks. */
  readonly automatic: boolean;
  /** Absent: always. */
  readonly hours?: Hours;
}
