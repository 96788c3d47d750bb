import type { TlsOptions } from 'node:tls';
import type { SdpFault } from '../../../simulator/media/types.js';
import { mediaLess } from '../../../simulator/sip/media-less.js';
import { startMetaEdge, type MetaEdge, type MetaEdgeOptions } from '../../../simulator/sip/edge.js';
import type { CallOptions } from '../../../simulator/sip/call.js';
import type { MediaPort } from '../../../simulator/sip/media-port.js';
import { ca, HOSTNAME, PASSWORD, ScriptedGateway } from './scripted-gateway.js';

export const USER = '+12195550714';
export const BUSINESS = '+12145551869';

/** What every call of these tests has in common. */
export function callOptions(more: Partial<CallOptions> = {}): CallOptions {
  return { from: USER, to: BUSINESS, password: PASSWORD, media: mediaLess({ keying: 'sdes' }), ...more };
}

type Handler = Parameters<typeof ScriptedGateway.start>[0];

export interface Bench {
  readonly gateway: ScriptedGateway;
  readonly edge: MetaEdge;
}

export interface BenchOptions {
  readonly gatewayTls?: TlsOptions;
  readonly names?: string[];
  readonly edge?: Partial<MetaEdgeOptions>;
}

/** Runs a test with a scripted gateway and an edge pointed at it, and closes both. */
export async function bench(
  handler: Handler,
  body: (bench: Bench) => Promise<void>,
  { gatewayTls = {}, names, edge: edgeOptions = {} }: BenchOptions = {},
): Promise<void> {
  const gateway = await ScriptedGateway.start(handler, gatewayTls, names);
  const edge = await startMetaEdge({
    gateway: { hostname: HOSTNAME, address: '127.0.0.1', port: gateway.port },
    tls: { ca: ca.certificate },
    ...edgeOptions,
  });
  try {
    await body({ gateway, edge });
  } finally {
    await edge.close();
    await gateway.close();
  }
}

/** Media that writes down what is asked of it. */
export class FakeMedia implements MediaPort {
  readonly log: string[] = [];
  timeout: (rule: 'media-start-timeout' | 'media-gap-timeout') => void = () => undefined;

  constructor(private readonly faults: readonly SdpFault[] = []) {}

  offerSdp(): string {
    return 'v=0\r\nm=audio 3480 RTP/SAVP 111 126\r\n';
  }

  setAnswer(sdp: string): readonly SdpFault[] {
    this.log.push(`answer ${sdp.length}`);
    return this.faults;
  }

  markAck(): void {
    this.log.push('ack');
  }

  markEnd(): void {
    this.log.push('end');
  }

  on(_event: 'timeout', listener: (rule: 'media-start-timeout' | 'media-gap-timeout') => void): void {
    this.timeout = listener;
  }

  close(): Promise<void> {
    this.log.push('close');
    return Promise.resolve();
  }
}

/** The ids of the rules broken, in order. */
export function rules(violations: readonly { readonly rule: string }[]): string[] {
  return violations.map(({ rule }) => rule);
}
