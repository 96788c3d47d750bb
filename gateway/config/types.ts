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
  /** Digest password from Meta, read from sipPasswordFile (or its environment variable). */
  readonly sipPassword?: Secret;
  readonly keying: Keying;
  readonly codecs: readonly WhatsAppCodec[];
  readonly trunk: string;
}

export interface TrunkConfig {
  readonly name: string;
  readonly hosts: readonly TrunkHost[];
  /** CIDR prefixes from which this PBX calls us. */
  readonly networks: readonly string[];
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
}

/** First route that matches wins; a number without a route goes to its trunk with the number as extension. */
export interface RouteConfig {
  readonly match: {
    readonly number?: string;
    readonly payload?: string;
    readonly country?: string;
    /** User parameters of the request-URI (Meta's request_uri_user_params), e.g. tgrp: wacall. */
    readonly userParams?: Readonly<Record<string, string>>;
  };
  readonly trunk?: string;
  readonly extension?: string;
}

export type SipEngineConfig =
  | { readonly engine: 'embedded' }
  | { readonly engine: 'drachtio'; readonly host: string; readonly port: number; readonly secret: Secret };

export interface HttpConfig {
  /** Health and metrics; absent: no HTTP server. */
  readonly listen?: { readonly host: string; readonly port: number };
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
