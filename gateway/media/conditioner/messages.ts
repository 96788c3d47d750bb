/** What the owner and the worker say to each other. Plain data: it crosses a thread. */
import type { PbxCodec } from '../../config/types.js';
import type { StreamCounters } from './steady-stream.js';

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

export interface RoutePayloadTypes {
  readonly audio: number;
  /** Absent: no telephone-events were agreed. */
  readonly event?: number;
}

/** Both sides of a relay, once the PBX has answered. */
export interface RelayRoute {
  /** rtpengine's plain side: the only sender taken for the WhatsApp user. */
  readonly node: Endpoint;
  /** Where the PBX wants its packets until its own show another port (symmetric RTP). */
  readonly pbx: Endpoint;
  /** Addresses from which the PBX may send; any port. */
  readonly pbxAddresses: readonly string[];
  readonly codec: PbxCodec;
  /** As rtpengine was told. */
  readonly nodePayloadTypes: RoutePayloadTypes;
  /** As the PBX answered. */
  readonly pbxPayloadTypes: RoutePayloadTypes;
  /** Clock of event durations toward the PBX, kHz. */
  readonly pbxEventKhz: 8 | 48;
}

export type ToWorker =
  | { readonly type: 'open'; readonly id: number; readonly address: string }
  | { readonly type: 'start'; readonly id: number; readonly route: RelayRoute }
  | { readonly type: 'close'; readonly id: number };

export type FromWorker =
  | { readonly type: 'opened'; readonly id: number; readonly port: number }
  | { readonly type: 'failed'; readonly id: number; readonly reason: string }
  | { readonly type: 'closed'; readonly id: number; readonly counters: RelayCounters };

export interface RelayCounters {
  readonly fromPbx: StreamCounters;
  readonly toPbx: { packets: number; bytes: number };
}
