import type { FarEnd } from '../support/srf.js';

/** A started server that speaks drachtio's app protocol: the embedded one or a real drachtio-server. */
export interface FarEndUnderTest extends FarEnd {
  udp: { address: string; port: number };
  tcp: { address: string; port: number };
  tls: { address: string; port: number };
  /** RFC 3261's T1 as configured at the far end (ms). */
  t1: number;
}

export interface Case {
  name: string;
  run: (far: FarEndUnderTest) => Promise<void>;
}
