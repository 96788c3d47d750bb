/** Meta's stand-in with one number, and a client of the gateway's for it. */
import { createSink } from '../../gateway/telemetry/index.js';
import { createGraph, fixedToken } from '../../gateway/whatsapp/graph/index.js';
import type { Graph } from '../../gateway/whatsapp/graph/index.js';
import { secret } from '../../gateway/config/index.js';
import { startGraph } from '../../simulator/graph/index.js';
import type { GraphSim } from '../../simulator/graph/index.js';

export const NUMBER = '+442071838750';
export const NUMBER_ID = '106540352242922';
export const USER = '+4915112345678';
export const TOKEN = 'EAAJB-token-of-the-tests';
export const SCOPES = ['whatsapp_business_management', 'whatsapp_business_messaging'];
export const APP = '670843887433847';

const CALLING = {
  status: 'ENABLED',
  sip: { status: 'ENABLED', servers: [{ hostname: 'sip.example.com', port: 5061 }] },
} as const;

export interface Meta {
  readonly sim: GraphSim;
  readonly graph: Graph;
}

export async function withMeta(work: (meta: Meta) => Promise<void>): Promise<void> {
  const sim = await startGraph({
    ...{ mode: 'production', businessAccountId: '102290129340398', appId: APP, appSecret: 'app-secret' },
    tokens: [{ token: TOKEN, appId: APP, scopes: SCOPES }],
    numbers: [{ phoneNumberId: NUMBER_ID, number: NUMBER, calling: CALLING }],
  });
  const { log } = createSink();
  const graph = createGraph({ url: sim.url, version: 'v25.0', token: fixedToken(secret(TOKEN)), timeoutMs: 5000, log });
  try {
    await work({ sim, graph });
  } finally {
    await graph.close();
    await sim.close();
  }
}
