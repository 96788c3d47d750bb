import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { requireComponent } from '../../lab/components/index.js';
import { reservePorts, supervise, type Supervised } from '../../lab/processes/index.js';
import { programFolder } from '../../lab/processes/folder.js';
import { writeConfig } from './asterisk-config.js';
import type { Side, SideOptions } from './side.js';

const SIP_PORTS = 10;
const RTP_PORTS_A_CALL = 4; // two legs, RTP and RTCP
const READY_MS = 20_000;

/** Starts an Asterisk that does alone what the gateway does with rtpengine. @throws Error with the end of its log */
export async function startAsteriskSide(options: SideOptions): Promise<Side> {
  const component = requireComponent('asterisk');
  const block = await reservePorts(SIP_PORTS + options.maxCalls * RTP_PORTS_A_CALL);
  const [tlsPort, udpPort] = [block.min, block.min + 2];
  const folder = await programFolder('bench-asterisk');
  const ports = { tlsPort, udpPort, rtp: { min: block.min + SIP_PORTS, max: block.max } };
  const configFile = await writeConfig(component, folder, ports, options);
  const child = await supervise({
    command: [...component.command, '-f', '-C', configFile],
    env: component.env,
    cwd: folder,
    folder,
    logFile: join(folder, 'console.log'),
    cpus: options.cpus,
  });
  const close = async (): Promise<void> => {
    await child.close();
    await block.close();
  };
  const [program, ...args] = [...component.command, '-C', configFile, '-rx', 'core waitfullybooted'];
  const env = { ...process.env, ...component.env };
  const booted = (): Promise<boolean> =>
    promisify(execFile)(program ?? '', args, { env }).then(
      ({ stdout }) => stdout.includes('fully booted'),
      () => false,
    );
  try {
    await until(booted, child);
  } catch (cause) {
    const logs = await Promise.all(['console.log', 'log/full'].map((name) => tail(join(folder, name))));
    await close();
    throw new Error(`Asterisk does not boot; the end of its logs:\n${logs.join('\n')}`, { cause });
  }
  return {
    name: 'asterisk',
    target: { host: '127.0.0.1', port: tlsPort, hostname: options.hostname, ca: options.tls.ca },
    parts: { asterisk: child },
    close,
  };
}

async function until(ready: () => Promise<boolean>, child: Supervised): Promise<void> {
  const ended = child.exited.then((status) => {
    throw new Error(`it ended with ${JSON.stringify(status)}`);
  });
  ended.catch(() => undefined);
  const deadline = Date.now() + READY_MS;
  while (!(await Promise.race([ready(), ended]))) {
    if (Date.now() > deadline) throw new Error(`not fully booted after ${READY_MS / 1000} s`);
    await delay(50);
  }
}

async function tail(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-15).join('\n');
}
