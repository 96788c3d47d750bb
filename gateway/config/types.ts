import type {
  CallbackConfig,
  CallingConfig,
  GraphConfig,
  PermissionsConfig,
  StoreConfig,
  WebhooksConfig,
} from './types-control.js';

/**
 * The configuration after loading: validated, defaults filled in, secrets read. Durations are milliseconds, paths absolute.
 */
export interface Config {
  readonly gateway: GatewayConfig;
  readonly whatsapp: WhatsAppConfig;
  readonly pbx: { readonly listen: readonly ListenConfig[] };
  readonly media: MediaConfig;
  readonly numbers: readonly NumberConfig[];
  readonly trunks: readonly TrunkConfig[];
  readonly routes: readonly RouteConfig[];
  readonly sip: SipEngineConfig;
  /** Absent: there is no token, and nothing is asked of the Graph API. */
  readonly graph?: GraphConfig;
  readonly store: StoreConfig;
  readonly permissions: PermissionsConfig;
  readonly webhooks?: WebhooksConfig;
  readonly http: HttpConfig;
  readonly logging: LoggingConfig;
}

export interface GatewayConfig {
  /** The FQDN that Meta dials; the certificate must cover it. */
  readonly hostname: string;
  /** At most this many calls at once; above it a new call gets 503 with Retry-After. */
  readonly maxCalls: number;
  /** How long SIGTERM waits for running calls before it ends them. */
  readonly drainTimeoutMs: number;
}

export type Transport = 'udp' | 'tcp' | 'tls';

export interface ListenConfig {
  readonly transport: Transport;
  readonly host: string;
  readonly port: number;
  /** What peers are told instead of host (1:1 NAT). */
  readonly advertised?: { readonly host: string; readonly port?: number };
}

export interface WhatsAppConfig {
  readonly listen: readonly ListenConfig[];
  readonly certificate: string;
  readonly privateKey: string;
  /** PEM of extra roots for verifying Meta's edge; absent: the system's roots. */
  readonly ca?: string;
  /** Where wa.meta.vc is reached; the certificate is verified for wa.meta.vc whatever this is. */
  readonly edge: { readonly host: string; readonly port: number };
  /** CIDR prefixes from which Meta's INVITEs come. */
  readonly trustedNetworks: readonly string[];
  /** Challenge Meta's INVITE with our own 407. */
  readonly challenge: boolean;
}

export interface MediaConfig {
  readonly rtpengine: readonly RtpengineConfig[];
  /** How long one ng command may take before the next node is tried. */
  readonly commandTimeoutMs: number;
}

export interface RtpengineConfig {
  readonly host: string;
  readonly port: number;
  /** Names of rtpengine's --interface for each side; absent: its default. */
  readonly interfaces?: { readonly whatsapp: string; readonly pbx: string };
  /** Addresses written into SDP instead of rtpengine's own (1:1 NAT), per side. */
  readonly advertised?: { readonly whatsapp?: string; readonly pbx?: string };
  /** IPv6 is routed on the WhatsApp side; false: Meta's IPv6 candidate is left out. */
  readonly ipv6: boolean;
  /** Local address of the gateway towards which rtpengine and the PBX exchange plain RTP (see media decision). */
  readonly relayAddress: string;
}

export type Keying = 'dtls' | 'sdes';
/** WhatsApp-side codecs as Meta names them. */
export type WhatsAppCodec = 'opus' | 'PCMA' | 'PCMU';
/** PBX-side codecs in order of preference. */
export type PbxCodec = 'opus' | 'PCMA' | 'PCMU';

export interface NumberConfig {
  /** E.164 with "+". */
  readonly number: string;
  readonly phoneNumberId?: string;
  /** Digest password from sipPasswordFile (or its environment variable); absent: it is fetched from the Graph API. */
  readonly sipPassword?: Secret;
  readonly keying: Keying;
  readonly codecs: readonly WhatsAppCodec[];
  readonly trunk: string;
  /** ISO 3166; what its PBX dials without a country code is of there. Absent: the trunk's, else the number's own. */
  readonly country?: string;
  /** At once, both directions. */
  readonly maxCalls: number;
  /** Adds ;transport=tls to request-URI, To and digest uri toward Meta. */
  readonly uriTransportParameter: boolean;
  /** Business-initiated minutes in a day (UTC); absent: no limit. */
  readonly dailyMinutes?: number;
  /** How long a WhatsApp user may ring. */
  readonly answerTimeoutMs: number;
  /** Of a call, both directions; absent: no limit. */
  readonly maxDurationMs?: number;
  /** The wanted call settings at Meta; absent: they are left alone. Only with phoneNumberId. */
  readonly calling?: CallingConfig;
  /** A user who was called without permission is asked for it. */
  readonly requestPermission: boolean;
  readonly callback?: CallbackConfig;
}

export interface TrunkConfig {
  readonly name: string;
  /** Empty only where `register` is set. */
  readonly hosts: readonly TrunkHost[];
  /** CIDR prefixes from which this PBX calls us; empty only with `auth`: from anywhere. */
  readonly networks: readonly string[];
  /** What the PBX proves by digest, wherever it calls from; absent: its networks are enough. */
  readonly auth?: TrunkAuth;
  /** The PBX registers with us; its contacts are hosts too. */
  readonly register: boolean;
  /** Which host comes first: as listed, or drawn by weight. */
  readonly order: 'sequential' | 'weighted';
  readonly qualify: {
    /** Between two OPTIONS to a host; 0: none are sent. */
    readonly intervalMs: number;
    readonly timeoutMs: number;
  };
  /** At once, both directions; absent: no limit of its own. */
  readonly maxCalls?: number;
  /** The business number of calls out that name none: the configured one, else the only one of the trunk. */
  readonly callerId?: string;
  /** Header of the PBX's INVITE that names the business number. */
  readonly callerIdHeader?: string;
  /** Who plays the ringing tone to the PBX. */
  readonly ringback: 'pbx' | 'rtpengine';
  /** ISO 3166, for numbers that set none. */
  readonly country?: string;
  /** For calls that reach no host. */
  readonly fallback?: Fallback;
  readonly codecs: readonly PbxCodec[];
  /** How long one host may take to send any provisional or final response. */
  readonly connectTimeoutMs: number;
  /** How long the PBX may ring. */
  readonly answerTimeoutMs: number;
  /** The user part of the From towards the PBX for a caller without a phone number (BSUID). */
  readonly callerAlias: string;
}

export interface TrunkHost {
  readonly host: string;
  /** Absent: by RFC 3263. */
  readonly port?: number;
  readonly transport: Transport;
  /** Its share, for order weighted. */
  readonly weight: number;
}

export interface TrunkAuth {
  readonly username: string;
  readonly password: Secret;
}

/** At least one of them is there. */
export interface Fallback {
  /** Absent: the same trunk. */
  readonly trunk?: string;
  /** Absent: the one that was to be called. */
  readonly extension?: string;
  /** SIP status, 400 to 699, for the caller who is then still not through. */
  readonly status?: number;
}

/** When a route is open: inside one of its windows, by the clock of the time zone. */
export interface Hours {
  /** IANA name. */
  readonly timezone: string;
  readonly weekly: readonly WeeklyHours[];
}

export interface WeeklyHours {
  /** 0 is Monday, 6 is Sunday. */
  readonly days: readonly number[];
  /** Minutes of the day; `to` is not part of it, and not after `from` when it is on the next day. */
  readonly times: readonly { readonly from: number; readonly to: number }[];
}

/** First route that matches wins; a number without a route goes to its trunk with the number as extension. */
export interface RouteConfig {
  readonly match: {
    readonly number?: string;
    readonly payload?: string;
    readonly country?: string;
    /** User parameters of the request-URI (Meta's request_uri_user_params), e.g. tgrp: wacall. */
    readonly userParams?: Readonly<Record<string, string>>;
    readonly hours?: Hours;
  };
  readonly trunk?: string;
  readonly extension?: string;
  /** Outside its hours, and when no host of its trunk is reached. */
  readonly fallback?: Fallback;
}

export type SipEngineConfig =
  | { readonly engine: 'embedded' }
  | { readonly engine: 'drachtio'; readonly host: string; readonly port: number; readonly secret: Secret };

export interface HttpConfig {
  /** Health, metrics, API; absent: no HTTP server. */
  readonly listen?: { readonly host: string; readonly port: number };
  /** Bearer token of the API; absent: no API. */
  readonly token?: Secret;
}

export interface LoggingConfig {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** JSON lines of every SIP message (credentials and SRTP keys masked); absent: none. */
  readonly sipTrace?: string;
}

/** A secret that prints as [redacted] wherever it is shown by accident. */
export interface Secret {
  reveal(): string;
  toString(): string;
  toJSON(): string;
}
