import type { TestContext } from 'node:test';
import { createGraph } from '../../../gateway/whatsapp/graph/index.js';
import type { Graph } from '../../../gateway/whatsapp/graph/index.js';
import { createSink } from '../../../gateway/telemetry/log.js';
import { startGraph } from '../../../simulator/graph/index.js';
import type { CallingWrite, GraphSim, NumberOptions, Switches } from '../../../simulator/graph/index.js';

export const APP = '670843887433847';
export const OTHER_APP = '581920374650192';
export const TOKEN = 'EAAJBtokenOfTheTests';
export const OTHER_TOKEN = 'EAAJBtokenOfAnotherApp';
export const ACCOUNT = '102290129340398';
export const NUMBER = '106540352242922';
export const SCOPES = ['whatsapp_business_management', 'whatsapp_business_messaging'];

export interface StandIn {
  readonly sim: GraphSim;
  /** A client of its own: of a process that starts now. */
  client(token?: string): Graph;
  /** Requests that came since, as `POST {"calling":…}` or `GET`. */
  writes(): readonly string[];
  /** What Meta holds for the number, without passwords. */
  calling(number?: string): Readonly<Record<string, unknown>>;
  close(): Promise<void>;
}

export interface StandInOptions {
  readonly calling?: CallingWrite;
  readonly switches?: Partial<Switches>;
  readonly numbers?: readonly NumberOptions[];
}

export async function standIn({ calling, switches, numbers }: StandInOptions = {}): Promise<StandIn> {
  const own: NumberOptions = { phoneNumberId: NUMBER, number: '+442071838750', ...(calling && { calling }) };
  const sim = await startGraph({
    mode: 'production',
    businessAccountId: ACCOUNT,
    appId: APP,
    appSecret: 'app-secret-of-the-tests',
    tokens: [
      { token: TOKEN, appId: APP, scopes: SCOPES },
      { token: OTHER_TOKEN, appId: OTHER_APP, scopes: SCOPES },
    ],
    numbers: [own, ...(numbers ?? [])],
  });
  Object.assign(sim.switches, switches);
  const clients: Graph[] = [];
  return {
    sim,
    client: (token = TOKEN) => {
      const graph = createGraph({
        url: sim.url,
        version: 'v25.0',
        token: () => Promise.resolve(token),
        timeoutMs: 30_000,
        log: createSink('silent').log,
        delay: () => Promise.resolve(),
      });
      clients.push(graph);
      return graph;
    },
    writes: () =>
      sim.requests.filter(({ method }) => method === 'POST').map(({ body }) => JSON.stringify((body as Body).calling)),
    calling: (number = NUMBER) => withoutPasswords(sim.settingsOf(number).calling),
    close: async () => {
      for (const graph of clients) await graph.close();
      await sim.close();
    },
  };
}

interface Body {
  readonly calling: unknown;
}

export async function standInFor(t: TestContext, options?: StandInOptions): Promise<StandIn> {
  const meta = await standIn(options);
  t.after(() => meta.close());
  return meta;
}

function withoutPasswords(value: object): Readonly<Record<string, unknown>> {
  const hide = (key: string, inner: unknown): unknown => (key === 'sip_user_password' ? undefined : inner);
  return JSON.parse(JSON.stringify(value, hide)) as Readonly<Record<string, unknown>>;
}
