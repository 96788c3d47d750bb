/** The part of a stage that is Meta's Graph API: its stand-in, its secrets, and wa-trunk's commands against it. */
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { startGraph, type GraphSim } from '../../simulator/graph/index.js';
import { joinMeta, type MetaEdge } from '../../simulator/index.js';
import type { ApiAccess, Ran, Stage, StageMeta, StageOptions } from './stage.js';

const TOKEN = 'EAAdemoTokenOfTheSystemUser0123456789';
const APP_SECRET = 'demo-secret-of-the-app-0123456789abcdef';
const VERIFY_TOKEN = 'demo-verify-token-0123456789';
const API_TOKEN = 'demo-api-token-0123456789abcdef';
const STORE_KEY = 'demo-key-of-the-store-0123456789';
/** Whatever must be in no log, page or answer. */
export const SECRETS = [TOKEN, APP_SECRET, VERIFY_TOKEN, API_TOKEN, STORE_KEY];

const ACCOUNT = '102290129340398';
const APP = '1234567890';
const HOOK_PATH = '/webhooks/whatsapp';

/** Meta's id of a number of the demo. */
export const idOf = (number: string): string => `10${number.slice(1)}`;

export async function startGraphIfWanted({ meta, numbers }: StageOptions): Promise<GraphSim | undefined> {
  if (meta === undefined) return undefined;
  const graph = await startGraph({
    mode: 'production',
    ...{ businessAccountId: ACCOUNT, appId: APP, appSecret: APP_SECRET },
    tokens: [{ token: TOKEN, appId: APP, scopes: ['whatsapp_business_management', 'whatsapp_business_messaging'] }],
    numbers: [...numbers.map(({ number }) => number), ...(meta.spare ?? [])].map((number) => ({
      ...{ number, phoneNumberId: idOf(number), verifiedName: 'Demo' },
    })),
  });
  // The numbers of the demo are of the USA, which may not call users.
  graph.switches.noBusinessCalls = [];
  // As some report of live numbers.
  graph.switches.sipWriteResetsKeying = true;
  return graph;
}

export function numberAtMeta(number: string, { calling, more }: StageMeta): object {
  return { phoneNumberId: idOf(number), calling, ...more };
}

export function controlPlaneConfig(graph: GraphSim, hookPort: number): object {
  return {
    graph: { tokenFile: 'graph-token', url: graph.url, businessAccountId: ACCOUNT, checkInterval: '2s' },
    store: { file: 'wa-trunk.db', keyFile: 'store-key' },
    permissions: { cache: '0s', unavailableCountries: [] },
    webhooks: {
      ...{ listen: { port: hookPort }, path: HOOK_PATH, verifyTokenFile: 'verify-token' },
      appSecretFiles: ['app-secret'],
    },
  };
}

interface MetaWorld {
  readonly graph: GraphSim;
  readonly edge: MetaEdge;
  readonly folder: string;
  readonly config: object;
  readonly httpPort: number;
  readonly hookPort: number;
}

/** Writes the secrets; what is set up at Meta reaches the edge from now on. */
export async function openMeta(
  { program, numbers, meta }: StageOptions,
  { graph, edge, folder, config, httpPort, hookPort }: MetaWorld,
): Promise<NonNullable<Stage['meta']>> {
  const secrets = {
    ...{ 'graph-token': TOKEN, 'app-secret': APP_SECRET, 'verify-token': VERIFY_TOKEN },
    ...{ 'api-token': API_TOKEN, 'store-key': STORE_KEY },
  };
  for (const [name, secret] of Object.entries(secrets)) {
    await writeFile(join(folder, name), `${secret}\n`, { mode: 0o600 });
  }
  const webhooks = `http://127.0.0.1:${hookPort}${HOOK_PATH}`;
  graph.webhooks.target = { url: webhooks, verifyToken: VERIFY_TOKEN };
  const run = (...args: readonly string[]): Promise<Ran> => runIn(folder, [...program, ...args]);
  return {
    ...{ graph, run, folder, joined: joinMeta(edge, graph), api: apiOf(httpPort) },
    runFor: async (only, ...args) => {
      const file = `only-${only.map((number) => number.slice(1)).join('-')}.yaml`;
      const [model] = numbers;
      const own = only.map((number) => ({
        ...{ number, keying: model?.keying, codecs: model?.codecs, trunk: model?.trunk },
        ...numberAtMeta(number, meta ?? never()),
      }));
      await writeFile(join(folder, file), stringify({ ...config, numbers: own, routes: [] }));
      return run(...args, '-c', file);
    },
  };
}

export function never(): never {
  throw new TypeError('this stage has no Graph API');
}

function apiOf(httpPort: number): ApiAccess {
  return async (method, path, body) => {
    const response = await fetch(`http://127.0.0.1:${httpPort}/api/v1/${path}`, {
      method,
      headers: { authorization: `Bearer ${API_TOKEN}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : (JSON.parse(text) as unknown) };
  };
}

const RUN_LIMIT_MS = 30_000;

function runIn(cwd: string, [command = '', ...args]: readonly string[]): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'], timeout: RUN_LIMIT_MS });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.once('error', reject);
    child.once('close', (code) =>
      resolve({ code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }),
    );
  });
}
