import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type ComponentName, requireComponent } from '../../lab/components/index.js';
import { reservePorts, type Rtpengine, startRtpengine, supervise, type Supervised } from '../../lab/processes/index.js';
import { programFolder } from '../../lab/processes/folder.js';
import type { Side, SideOptions } from './side.js';

export interface GatewayOptions extends SideOptions {
  readonly rtpengine: Extract<ComponentName, `rtpengine-${string}`>;
  /** Where the gateway reaches Meta, for what it sends when the caller's connection is gone. Default: nowhere. */
  readonly edgePort?: number;
  /** Further lines of YAML for the trunk. */
  readonly trunk?: string;
  /** Arguments of node, before the gateway's. */
  readonly nodeArgs?: readonly string[];
}

export interface GatewaySide extends Side {
  readonly rtpengine: Rtpengine;
  readonly gateway: Supervised;
  /** The gateway's GET /metrics. */
  metrics(): Promise<string>;
  /** Used heap of the gateway's main thread after a forced collection. */
  heapKb(): Promise<number>;
}

const MEDIA_PORTS_A_CALL = 6;
const READY_MS = 20_000;

/** Starts rtpengine and the built gateway. @throws Error with the end of the gateway's log */
export async function startGatewaySide(options: GatewayOptions): Promise<GatewaySide> {
  const rtpengine = await startRtpengine({
    component: requireComponent(options.rtpengine),
    mediaPorts: options.maxCalls * MEDIA_PORTS_A_CALL,
    logLevel: 4, // as in production: warnings
    cpus: options.cpus,
  });
  const block = await reservePorts(10);
  const ports = { whatsapp: block.min, pbx: block.min + 2, http: block.min + 4, ng: rtpengine.ngPort };
  const folder = await programFolder('bench-gateway');
  const [logFile, heapSocket] = [join(folder, 'gateway.log'), join(folder, 'heap')];
  await writeFile(join(folder, 'password'), options.password, { mode: 0o600 });
  await writeFile(join(folder, 'wa-trunk.yaml'), configuration(options, ports));
  const gateway = await supervise({
    command: [process.execPath, ...nodeArgs(options), 'serve', '-c', 'wa-trunk.yaml'],
    env: { WA_TRUNK_HEAP_SOCKET: heapSocket },
    cwd: folder,
    folder,
    logFile,
    cpus: options.cpus,
  });
  const close = async (): Promise<void> => {
    await gateway.close();
    await block.close();
    await rtpengine.close();
  };
  const get = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${ports.http}${path}`);
  try {
    await healthy(get, gateway);
  } catch (cause) {
    const log = (await readFile(logFile, 'utf8').catch(() => '')).trimEnd().split('\n').slice(-10).join('\n');
    await close();
    throw new Error(`the gateway does not start; the end of its log:\n${log}`, { cause });
  }
  return {
    name: 'wa-trunk',
    target: { host: '127.0.0.1', port: ports.whatsapp, hostname: options.hostname, ca: options.tls.ca },
    parts: { gateway, rtpengine: rtpengine.process },
    rtpengine,
    gateway,
    metrics: async () => (await get('/metrics')).text(),
    heapKb: () => readHeap(heapSocket),
    collect: () => readHeap(heapSocket),
    close,
  };
}

/** The compiled gateway beside us; its source where we ourselves are run from source. */
function nodeArgs(options: GatewayOptions): string[] {
  const fromSource = import.meta.url.endsWith('.ts');
  const file = (path: string): string => fileURLToPath(new URL(`${path}.${fromSource ? 'ts' : 'js'}`, import.meta.url));
  return [
    ...ownFlags(file('../../gateway/main')),
    ...(options.nodeArgs ?? []),
    ...(fromSource ? ['--import', import.meta.resolve('tsx')] : []),
    '--expose-gc',
    ...['--import', file('./heap-hook')],
    file('../../gateway/main'),
  ];
}

/** Asks heap-hook.ts. */
async function readHeap(path: string): Promise<number> {
  const socket = connect({ path });
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  const { heapUsed } = JSON.parse(text) as NodeJS.MemoryUsage;
  return Math.round(heapUsed / 1024);
}

function configuration(options: GatewayOptions, ports: Record<'whatsapp' | 'pbx' | 'http' | 'ng', number>): string {
  const { tls } = options;
  return `gateway:
  hostname: ${options.hostname}
  maxCalls: ${options.maxCalls}
whatsapp:
  listen: { host: 127.0.0.1, port: ${ports.whatsapp} }
  certificate: ${tls.certificateFile}
  privateKey: ${tls.keyFile}
  ca: ${tls.caFile}
  edge: { host: 127.0.0.1, port: ${options.edgePort ?? 9} }
  trustedNetworks: [127.0.0.0/8]
pbx:
  listen:
    - { transport: udp, host: 127.0.0.1, port: ${ports.pbx} }
media:
  rtpengine:
    - { host: 127.0.0.1, port: ${ports.ng}, relayAddress: 127.0.0.1 }
numbers:
  - number: '${options.number}'
    sipPasswordFile: password
    keying: sdes
    codecs: [opus]
    trunk: pbx
trunks:
  - name: pbx
    hosts:
      - { host: 127.0.0.1, port: ${options.pbxPort}, transport: udp }
    codecs: [PCMA]
${options.trunk ?? ''}
http:
  listen: { host: 127.0.0.1, port: ${ports.http} }
`;
}

async function healthy(get: (path: string) => Promise<Response>, gateway: Supervised): Promise<void> {
  const ended = gateway.exited.then((status) => {
    throw new Error(`it ended with ${JSON.stringify(status)}`);
  });
  ended.catch(() => undefined);
  const deadline = Date.now() + READY_MS;
  const ask = (): Promise<boolean> =>
    get('/readyz').then(
      (response) => response.ok,
      () => false,
    );
  while (!(await Promise.race([ask(), ended]))) {
    if (Date.now() > deadline) throw new Error(`no good /readyz after ${READY_MS / 1000} s`);
    await delay(50);
  }
}

/** The flags that the program's own first line gives to node. */
function ownFlags(main: string): string[] {
  const [first = ''] = readFileSync(main, 'utf8').split('\n');
  return first.split(' ').filter((word) => word.startsWith('--'));
}
