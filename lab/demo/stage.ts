/** Everything that a demo needs, on loopback: certificates, rtpengine, Asterisk, the gateway as users run it, and Meta's stand-in. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { stringify } from 'yaml';
import {
  createCertificateAuthority,
  startMetaEdge,
  writePemPair,
  type ChallengeScript,
  type JoinedMeta,
  type MetaEdge,
} from '../../simulator/index.js';
import { createMediaShare, type Codec, type MediaShare } from '../../simulator/media/index.js';
import type { Component } from '../components/index.js';
import type { GraphSim } from '../../simulator/graph/index.js';
import { programFolder } from '../processes/folder.js';
import {
  reservePorts,
  startAsterisk,
  startRtpengine,
  supervise,
  type Asterisk,
  type OutboundRoute,
  type Rtpengine,
  type Supervised,
} from '../processes/index.js';
import type { TraceLine } from './ladder.js';
import { controlPlaneConfig, never, numberAtMeta, openMeta, startGraphIfWanted } from './stage-meta.js';

export const HOSTNAME = 'gateway.wa-trunk.test';
export const PASSWORD = 'demo-password-of-meta';

export interface StageNumber {
  readonly number: string;
  readonly keying: 'dtls' | 'sdes';
  readonly codecs: readonly Codec[];
  readonly trunk: string;
  /** What users reach who call it; without one it is for calls out. */
  readonly extension?: string;
  /** How Meta challenges its calls; default as Meta does today. */
  readonly challenge?: ChallengeScript;
  /** Where it is not the one that the gateway has. */
  readonly passwordAtMeta?: string;
}

/** Which of Asterisk's ports; nobody listens on the `dead` ones: with TCP that is noticed at once, with UDP never. */
export type StageHost = 'all' | 'pcma' | 'opus' | 'hold' | 'dead' | 'dead-tcp' | 'dead-too-tcp';

export interface StageTrunk {
  readonly name: string;
  readonly codecs: readonly string[];
  readonly hosts: readonly StageHost[];
  /** false: no OPTIONS, so that only calls find out who is dead. */
  readonly qualify?: boolean;
}

/** Meta's Graph API beside its SIP edge; what the numbers are there, `wa-trunk apply` brings about. */
export interface StageMeta {
  /** Of one number in wa-trunk.yaml. */
  readonly calling: object;
  /** Of all numbers, more keys in wa-trunk.yaml. */
  readonly more?: object;
  /** More numbers at Meta that only the command line works on, +E.164. */
  readonly spare?: readonly string[];
  /** Before the gateway starts. */
  readonly prepare: (parts: StageMetaParts) => Promise<void>;
}

export interface StageMetaParts {
  readonly graph: GraphSim;
  /** wa-trunk as a user runs it, beside wa-trunk.yaml. */
  readonly run: (...args: readonly string[]) => Promise<Ran>;
  /** The same with another configuration: that of wa-trunk.yaml with these numbers alone. */
  readonly runFor: (numbers: readonly string[], ...args: readonly string[]) => Promise<Ran>;
}

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface StageOptions {
  /** Absent: no Graph API, passwords out of files. */
  readonly meta?: StageMeta;
  readonly asterisk: Component;
  readonly rtpengine: Component;
  /** How this program is started: `wa-trunk` without its arguments. */
  readonly program: readonly [string, ...string[]];
  readonly numbers: readonly StageNumber[];
  /** Calls of the PBX come from one address, so they are of the first. */
  readonly trunks: readonly StageTrunk[];
  readonly outbound?: readonly OutboundRoute[];
}

export interface Stage {
  /** Only with {@link StageOptions.meta}. */
  readonly meta?: StageMetaParts & { readonly joined: JoinedMeta; readonly api: ApiAccess; readonly folder: string };
  readonly httpPort: number;
  readonly edge: MetaEdge;
  readonly asterisk: Asterisk;
  readonly rtpengine: Rtpengine;
  readonly gateway: Supervised;
  readonly share: MediaShare;
  readonly gatewayLog: string;
  /** The gateway's SIP messages so far. */
  trace(): Promise<TraceLine[]>;
  /** Open dialogs as the gateway counts them; null when it does not answer. */
  dialogs(): Promise<number | null>;
  /** Ends everything and leaves nothing behind. Idempotent. */
  close(): Promise<void>;
}

export type ApiAccess = (method: string, path: string, body?: object) => Promise<{ status: number; body: unknown }>;

const READY_MS = 15_000;

/** @throws Error when a part does not start; then nothing is left behind */
export async function openStage(options: StageOptions): Promise<Stage> {
  const closers: (() => Promise<void> | void)[] = [];
  const close = closeOnce(closers);
  try {
    return await build(options, closers, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function build(
  options: StageOptions,
  closers: (() => Promise<void> | void)[],
  close: () => Promise<void>,
): Promise<Stage> {
  const ports = await reservePorts(14);
  closers.push(() => ports.close());
  const [pbxPort, tlsPort, httpPort, edgePort, dead, hookPort] = [0, 1, 2, 3, 4, 5].map(
    (n) => ports.min + 2 * n,
  ) as Six;

  const rtpengine = await startRtpengine({ component: options.rtpengine });
  closers.push(() => rtpengine.close());
  const asterisk = await startAsterisk({
    component: options.asterisk,
    trunk: `127.0.0.1:${pbxPort}`,
    outbound: options.outbound ?? [],
  });
  closers.push(() => asterisk.close());
  const share = createMediaShare();
  closers.push(() => share.close());

  const ca = createCertificateAuthority();
  const metaPair = ca.issue(['wa.meta.vc']);
  const edge = await startMetaEdge({
    gateway: { hostname: HOSTNAME, port: tlsPort, address: '127.0.0.1' },
    tls: { ca: ca.certificate },
    listen: { port: edgePort, key: metaPair.key, certificate: metaPair.certificate },
    numbers:
      options.meta !== undefined
        ? []
        : options.numbers.map(({ number, keying, codecs, challenge, passwordAtMeta }) => ({
            ...{ number, keying, codecs, password: passwordAtMeta ?? PASSWORD },
            ...(challenge && { challenge }),
          })),
  });
  closers.push(() => edge.close());

  const folder = await programFolder('gateway');
  await mkdir(folder, { recursive: true });
  const files = await writePemPair(folder, 'gateway', ca.issue([HOSTNAME]));
  await writeFile(join(folder, 'ca.crt'), ca.certificate);
  await writeFile(join(folder, 'password'), `${PASSWORD}\n`, { mode: 0o600 });
  const sipPorts = {
    ...{ all: asterisk.sipPort, pcma: asterisk.pcmaSipPort, opus: asterisk.opusSipPort, hold: asterisk.holdSipPort },
    ...{ dead, 'dead-tcp': dead, 'dead-too-tcp': dead + 1 },
  };
  const graph = await startGraphIfWanted(options);
  if (graph !== undefined) closers.push(() => graph.close());
  const config = gatewayConfig(options, {
    ...{ pbxPort, tlsPort, httpPort, edgePort, sipPorts, certificate: files.certificateFile, key: files.keyFile },
    ...{ ngPort: rtpengine.ngPort, hookPort, graph },
  });
  const configFile = join(folder, 'wa-trunk.yaml');
  await writeFile(configFile, stringify(config));
  const meta = graph && (await openMeta(options, { graph, edge, folder, config, httpPort, hookPort }));
  if (meta !== undefined) closers.push(() => meta.joined.close());
  await options.meta?.prepare(meta ?? never());
  const gatewayLog = join(folder, 'gateway.log');
  const gateway = await supervise({
    command: [...options.program, 'serve', '-c', configFile],
    cwd: folder,
    folder,
    logFile: gatewayLog,
    graceMs: 5000,
  });
  closers.push(() => gateway.close());
  await gatewayReady(httpPort, gateway, gatewayLog);
  await pbxSeesGateway(asterisk);

  return {
    ...{ edge, asterisk, rtpengine, gateway, share, gatewayLog, close, httpPort },
    ...(meta === undefined ? {} : { meta }),
    trace: async () => parseTrace(await readFile(join(folder, 'sip.jsonl'), 'utf8')),
    dialogs: () => readDialogs(httpPort),
  };
}

type Six = [number, number, number, number, number, number];

interface StageAddresses {
  readonly pbxPort: number;
  readonly tlsPort: number;
  readonly httpPort: number;
  readonly edgePort: number;
  readonly ngPort: number;
  readonly hookPort: number;
  readonly graph: GraphSim | undefined;
  readonly sipPorts: Readonly<Record<StageHost, number>>;
  readonly certificate: string;
  readonly key: string;
}

function gatewayConfig(options: StageOptions, at: StageAddresses): object {
  return {
    gateway: { hostname: HOSTNAME, drainTimeout: '1s' },
    whatsapp: {
      listen: { host: '127.0.0.1', port: at.tlsPort },
      certificate: at.certificate,
      privateKey: at.key,
      ca: 'ca.crt',
      edge: { host: '127.0.0.1', port: at.edgePort },
      trustedNetworks: ['127.0.0.1/32'],
    },
    pbx: { listen: [{ host: '127.0.0.1', port: at.pbxPort }] },
    media: { rtpengine: [{ host: '127.0.0.1', port: at.ngPort }] },
    numbers: options.numbers.map(({ number, keying, codecs, trunk }) => ({
      ...{ number, keying, codecs, trunk },
      ...(options.meta === undefined ? { sipPasswordFile: 'password' } : numberAtMeta(number, options.meta)),
    })),
    trunks: options.trunks.map(({ name, codecs, hosts, qualify }) => ({
      name,
      codecs,
      hosts: hosts.map((host) => ({
        ...{ host: '127.0.0.1', port: at.sipPorts[host] },
        ...(host.endsWith('tcp') && { transport: 'tcp' }),
      })),
      ...(qualify === false && { qualify: { interval: '0s' } }),
      connectTimeout: '2s',
      answerTimeout: '30s',
    })),
    routes: options.numbers.flatMap(({ number, extension }) =>
      extension === undefined ? [] : [{ match: { number }, extension }],
    ),
    ...(at.graph === undefined ? {} : controlPlaneConfig(at.graph, at.hookPort)),
    http: { listen: { port: at.httpPort }, ...(at.graph === undefined ? {} : { tokenFile: 'api-token' }) },
    logging: { sipTrace: 'sip.jsonl' },
  };
}

async function gatewayReady(httpPort: number, gateway: Supervised, logFile: string): Promise<void> {
  const deadline = Date.now() + READY_MS;
  let ended = false;
  void gateway.exited.then(() => (ended = true));
  for (;;) {
    const health = await fetch(`http://127.0.0.1:${httpPort}/readyz`).catch(() => undefined);
    await health?.body?.cancel();
    if (health?.ok === true) return;
    if (ended || Date.now() > deadline) {
      const log = await readFile(logFile, 'utf8').catch(() => '');
      throw new Error(`the gateway did not start; the end of its log:\n${log.split('\n').slice(-15).join('\n')}`);
    }
    await delay(50);
  }
}

/** Of Asterisk: qualify_timeout. */
const QUALIFY_MS = 3000;

/**
 * An OPTIONS that Asterisk sent before the gateway was there may be given up seconds later, and then Asterisk calls nobody over
 * the trunk for half a minute: it is asked again when none of those can be left.
 */
async function pbxSeesGateway(asterisk: Asterisk): Promise<void> {
  await delay(QUALIFY_MS + 300);
  for (const deadline = Date.now() + READY_MS; ;) {
    await asterisk.cli('pjsip qualify wa-trunk-pcma');
    await delay(100);
    const contacts = await asterisk.cli('pjsip show contacts');
    if (/wa-trunk\/\S+ +\S+ +Avail /.test(contacts)) return;
    if (Date.now() > deadline) throw new Error(`Asterisk does not see the gateway:\n${contacts}`);
  }
}

function parseTrace(text: string): TraceLine[] {
  const lines = text.split('\n').filter((line) => line.endsWith('}'));
  return lines.map((line) => JSON.parse(line) as TraceLine);
}

async function readDialogs(httpPort: number): Promise<number | null> {
  const response = await fetch(`http://127.0.0.1:${httpPort}/metrics`).catch(() => undefined);
  const text = await response?.text();
  const value = /^wa_trunk_engine_open\{kind="dialogs"\} (\d+)$/m.exec(text ?? '')?.[1];
  return value === undefined ? null : Number(value);
}

function closeOnce(closers: (() => Promise<void> | void)[]): () => Promise<void> {
  let closing: Promise<void> | undefined;
  return () =>
    (closing ??= (async () => {
      for (const closer of closers.reverse()) await closer();
    })());
}
