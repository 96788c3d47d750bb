import type { LinkTarget } from '../load/link.js';
import type { Supervised } from '../../lab/processes/index.js';

/** What is measured: something that takes WhatsApp's calls over TLS and passes them to a PBX over UDP. */
export interface Side {
  readonly name: 'wa-trunk' | 'asterisk';
  readonly target: LinkTarget;
  /** Its processes by the names they have in the report. */
  readonly parts: Readonly<Record<string, Supervised>>;
  /** Gives back memory that only garbage takes, so that resident memory is what calls need. */
  collect?(): Promise<unknown>;
  close(): Promise<void>;
}

/** What both sides are given. */
export interface SideOptions {
  readonly hostname: string;
  readonly tls: {
    readonly ca: string;
    readonly caFile: string;
    readonly certificateFile: string;
    readonly keyFile: string;
  };
  /** The business number, +E.164, and its SIP password. */
  readonly number: string;
  readonly password: string;
  /** UDP port of the PBX on 127.0.0.1. */
  readonly pbxPort: number;
  /** The core that all its processes share, in taskset's notation. */
  readonly cpus: string;
  /** Most calls at once that the measurements need. */
  readonly maxCalls: number;
}
