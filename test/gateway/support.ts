/** The gateway in this process, with a real rtpengine and a real Asterisk, and Meta's stand-in before it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import assert from 'node:assert/strict';
import { stringify } from 'yaml';
import { startGateway, type Gateway } from '../../gateway/app.js';
import { loadConfig, type Config } from '../../gateway/config/index.js';
import type { NumberConfig } from '../../gateway/config/types.js';
import { createSink, type Sink } from '../../gateway/telemetry/log.js';
import { Metrics } from '../../gateway/telemetry/metrics.js';
import { requireComponent } from '../../lab/components/index.js';
import {
  reservePorts,
  startAsterisk,
  startRtpengine,
  type Asterisk,
  type AsteriskOptions,
  type Rtpengine,
} from '../../lab/processes/index.js';
import { createCertificateAuthority, startMetaEdge, writePemPair, type MetaEdge } from '../../simulator/index.js';

export const HOSTNAME = 'gateway.example.test';
export const PASSWORD = 'secret-of-the-number';
export const USER = '+12195550714';

export interface Bench {
  readonly edge: MetaEdge;
  readonly gateway: Gateway;
  readonly asterisk: Asterisk;
  readonly rtpengine: Rtpengine;
  readonly log: Sink;
  readonly config: Config;
  /** Where the gateway takes the PBX's SIP, UDP on 127.0.0.1. */
  readonly pbxPort: number;
}

export interface BenchNumber {
  readonly number: string;
  readonly extension: string;
  readonly keying: 'dtls' | 'sdes';
  /** Default: Asterisk's PCMA endpoint alone. */
  readonly hosts?: readonly BenchHost[];
  /** Of the trunk. */
  readonly trunkCodecs?: readonly string[];
}

/** `asterisk` has PCMA only, `opus` is its endpoint with Opus only; a number is a port on 127.0.0.1. */
export type BenchHost = 'asterisk' | 'opus' | 'dead' | 'silent' | number;

export interface BenchOptions {
  readonly numbers: readonly BenchNumber[];
  /** Merged over the configuration's top level. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly trustedNetworks?: readonly string[];
  /** How Asterisk dials out. */
  readonly asterisk?: Pick<AsteriskOptions, 'outbound'>;
  /** From one OPTIONS to a PBX host to the next. */
  readonly qualify?: string;
}

/** Starts all; everything ends with the test. */
export async function startBench(t: TestContext, options: BenchOptions): Promise<Bench> {
  const own = async <T extends { close(): Promise<void> }>(starting: Promise<T>): Promise<T> => {
    const part = await starting;
    t.after(() => part.close());
    return part;
  };
  const folder = await mkdtemp(join(tmpdir(), 'wa-trunk-test-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const ca = createCertificateAuthority();
  const files = await writePemPair(folder, 'gateway', ca.issue([HOSTNAME]));
  await writeFile(join(folder, 'ca.crt'), ca.certificate);
  await writeFile(join(folder, 'password'), PASSWORD, { mode: 0o600 });

  const rtpengine = await own(startRtpengine({ component: requireComponent('rtpengine-26') }));
  const block = await own(reservePorts(10));
  const [pbxPort, deadPort, edgePort] = [block.min, block.min + 2, block.min + 4];
  const asterisk = await own(
    startAsterisk({ component: requireComponent('asterisk'), trunk: `127.0.0.1:${pbxPort}`, ...options.asterisk }),
  );
  const meta = ca.issue(['wa.meta.vc']);
  const ports = {
    asterisk: asterisk.pcmaSipPort,
    opus: asterisk.opusSipPort,
    dead: deadPort,
    silent: rtpengine.ngPort,
  };
  const config = {
    gateway: { hostname: HOSTNAME },
    whatsapp: {
      listen: { host: '127.0.0.1', port: 0 },
      certificate: files.certificateFile,
      privateKey: files.keyFile,
      ca: 'ca.crt',
      edge: { host: '127.0.0.1', port: edgePort },
      trustedNetworks: options.trustedNetworks ?? ['127.0.0.1/32'],
    },
    pbx: { listen: [{ host: '127.0.0.1', port: pbxPort }] },
    media: { rtpengine: [{ host: '127.0.0.1', port: rtpengine.ngPort }] },
    numbers: options.numbers.map(({ number, keying }) => ({
      ...{ number, keying, trunk: `t${number.slice(1)}`, sipPasswordFile: 'password' },
    })),
    trunks: options.numbers.map(({ number, hosts = ['asterisk'], trunkCodecs: codecs }) => ({
      name: `t${number.slice(1)}`,
      hosts: hosts.map((host) => ({ host: '127.0.0.1', port: typeof host === 'number' ? host : ports[host] })),
      ...(codecs && { codecs }),
      connectTimeout: '500ms',
      answerTimeout: '3s',
      ...(options.qualify === undefined ? {} : { qualify: { interval: options.qualify } }),
    })),
    routes: options.numbers.map(({ number, extension }) => ({ match: { number }, extension })),
    ...options.config,
  };
  const file = join(folder, 'wa-trunk.yaml');
  await writeFile(file, stringify(config));
  const log = createSink();
  const loaded = loadConfig(file, { environment: {} }).config;
  const metrics = new Metrics({ numbers: options.numbers.map((n) => n.number), trunks: [], version: 'test' });
  const gateway = await own(startGateway(loaded, { log: log.log, metrics }));
  const tlsPort = gateway.addresses.find((a) => a.transport === 'tls')?.port ?? 0;
  const edge = await own(
    startMetaEdge({
      gateway: { hostname: HOSTNAME, port: tlsPort, address: '127.0.0.1' },
      tls: { ca: ca.certificate },
      listen: { port: edgePort, key: meta.key, certificate: meta.certificate },
      numbers: options.numbers.map(({ number, keying }) => ({ number, keying, password: PASSWORD })),
    }),
  );
  return { config: loaded, edge, gateway, asterisk, rtpengine, log, pbxPort };
}

export function loadedNumber({ config }: Bench, number: string): NumberConfig {
  const found = config.numbers.find((one) => one.number === number);
  assert.ok(found, `${number} is configured`);
  return found;
}

/** Waits until no call and no media session is left. */
export async function nothingLeft(bench: Bench): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (Date.now() < deadline) {
    if (bench.gateway.activeCalls === 0 && (await bench.rtpengine.sessions()).length === 0) break;
    await delay(50);
  }
  assert.equal(bench.gateway.activeCalls, 0);
  assert.deepEqual(await bench.rtpengine.sessions(), []);
}

/** Looks again and again until there is something. @throws Error after `limitMs` */
export async function until<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
  limitMs = 20_000,
): Promise<T> {
  for (const limit = performance.now() + limitMs; performance.now() < limit; await delay(50)) {
    const found = await look();
    if (found !== undefined) return found;
  }
  throw new Error(`not in ${limitMs / 1000} s: ${what}`);
}

/** The reasons that the gateway logged for refusals so far. */
export function refusals(log: Sink): unknown[] {
  return log.lines.filter((line) => line.message === 'call refused').map((line) => line.reason);
}
