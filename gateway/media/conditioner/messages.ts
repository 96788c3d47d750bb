/** What the owner and the worker say to each other. Plain data: it crosses a thread. */
import type { MediaTrouble } from '../port.js';
import type { AudioFormat } from './ingress.js';
import type { StreamCounters } from './steady-stream.js';

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** rtpengine's plain side; it stays the same for the life of a session. */
export interface NodeRoute {
  /** The only sender taken for the WhatsApp user. */
  readonly endpoint: Endpoint;
  readonly audio: AudioFormat;
  /** Absent: Meta takes no telephone-events. */
  readonly event?: number;
}

/** The PBX's side as it was last agreed. */
export interface PbxRoute {
  /** Where the PBX wants its packets until its own show another port (symmetric RTP). */
  readonly endpoint: Endpoint;
  /** Addresses from which the PBX may send; any port. */
  readonly addresses: readonly string[];
  /** Sent to the PBX. */
  readonly audio: AudioFormat;
  /** Taken from the PBX. */
  readonly formats: readonly AudioFormat[];
  /** Absent: the PBX takes no telephone-events. `khz`: the clock of their durations. */
  readonly event?: { readonly payloadType: number; readonly khz: 8 | 48 };
  /** Payload types under which the PBX may send events. */
  readonly events: readonly number[];
  /** False on hold: nothing is sent to it. */
  readonly receives: boolean;
  /** False on hold: that it sends nothing is no trouble. */
  readonly sends: boolean;
}

export interface RelayOptions {
  readonly address: string;
  /** Silence of one side that is reported, ms. */
  readonly silenceMs: number;
}

export type ToWorker =
  | { readonly type: 'open'; readonly id: number; readonly options: RelayOptions }
  | { readonly type: 'pbx'; readonly id: number; readonly route: PbxRoute }
  | { readonly type: 'ring'; readonly id: number }
  | { readonly type: 'start'; readonly id: number; readonly route: NodeRoute }
  | { readonly type: 'key'; readonly id: number; readonly code: number; readonly durationMs: number }
  | { readonly type: 'close'; readonly id: number };

export type FromWorker =
  | { readonly type: 'opened'; readonly id: number; readonly port: number }
  | { readonly type: 'failed'; readonly id: number; readonly reason: string }
  | { readonly type: 'trouble'; readonly id: number; readonly trouble: MediaTrouble }
  | { readonly type: 'closed'; readonly id: number; readonly counters: RelayCounters };

export interface RelayCounters {
  readonly fromPbx: StreamCounters;
  readonly toPbx: { packets: number; bytes: number };
}
