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
  type MetaEdge,
} from '../../simulator/index.js';
import { createMediaShare, type Codec, type MediaShare } from '../../simulator/media/index.js';
import type { Component } from '../components/index.js';
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

export interface StageOptions {
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
  const ports = await reservePorts(10);
  closers.push(() => ports.close());
  const [pbxPort, tlsPort, httpPort, edgePort, dead] = [0, 1, 2, 3, 4].map((n) => ports.min + 2 * n) as Five;

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
  const meta = ca.issue(['wa.meta.vc']);
  const edge = await startMetaEdge({
    gateway: { hostname: HOSTNAME, port: tlsPort, address: '127.0.0.1' },
    tls: { ca: ca.certificate },
    listen: { port: edgePort, key: meta.key, certificate: meta.certificate },
    numbers: options.numbers.map(({ number, keying, codecs, challenge, passwordAtMeta }) => ({
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
  const config = gatewayConfig(options, {
    ...{ pbxPort, tlsPort, httpPort, edgePort, sipPorts, certificate: files.certificateFile, key: files.keyFile },
    ngPort: rtpengine.ngPort,
  });
  const configFile = join(folder, 'wa-trunk.yaml');
  await writeFile(configFile, stringify(config));
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

  return {
    ...{ edge, asterisk, rtpengine, gateway, share, gatewayLog, close },
    trace: async () => parseTrace(await readFile(join(folder, 'sip.jsonl'), 'utf8')),
    dialogs: () => readDialogs(httpPort),
  };
}

type Five = [number, number, number, number, number];

interface StageAddresses {
  readonly pbxPort: number;
  readonly tlsPort: number;
  readonly httpPort: number;
  readonly edgePort: number;
  readonly ngPort: number;
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
      sipPasswordFile: 'password',
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
    http: { listen: { port: at.httpPort } },
    logging: { sipTrace: 'sip.jsonl' },
  };
}

async function gatewayReady(httpPort: number, gateway: Supervised, logFile: string): Promise<void> {
  const deadline = Date.now() + READY_MS;
  let ended = false;
  void gateway.exited.then(() => (ended = true));
  for (;;) {
    const health = await fetch(`http://127.0.0.1:${httpPort}/health`).catch(() => undefined);
    await health?.body?.cancel();
    if (health?.ok === true) return;
    if (ended || Date.now() > deadline) {
      const log = await readFile(logFile, 'utf8').catch(() => '');
      throw new Error(`the gateway did not start; the end of its log:\n${log.split('\n').slice(-15).join('\n')}`);
    }
    await delay(50);
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
