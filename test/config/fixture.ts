import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, formatFault, loadConfig } from '../../gateway/config/index.js';
import type { Config } from '../../gateway/config/index.js';
import { issueChain } from './pki.js';

export const HOSTNAME = 'sip.example.com';

/** The smallest good file. */
export const MINIMAL = `
gateway:
  hostname: ${HOSTNAME}
whatsapp:
  certificate: certs/fullchain.pem
  privateKey: certs/privkey.pem
  ca: certs/ca.pem
pbx:
  listen:
    - host: 10.0.0.5
numbers:
  - number: '+15551234567'
    sipPasswordFile: secrets/15551234567
    trunk: office
trunks:
  - name: office
    hosts:
      - host: 10.0.0.10
`;

/** A folder with certificates and a password, in which YAML files are tried; removed by `close()`. */
export interface Fixture {
  readonly folder: string;
  write(name: string, content: string, mode?: number): string;
  load(yaml: string, environment?: Record<string, string>, now?: Date): Outcome;
  close(): void;
}

export interface Outcome {
  readonly config: Config | undefined;
  /** Without the folder in front. */
  readonly faults: readonly string[];
  readonly warnings: readonly string[];
}

export function createFixture(): Fixture {
  const folder = mkdtempSync(join(tmpdir(), 'wa-trunk-config-'));
  const write = (name: string, content: string, mode = 0o600): string => {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    const file = join(folder, name);
    writeFileSync(file, content, { mode });
    return file;
  };
  const { root, middle, leaf } = issueChain([HOSTNAME]);
  write('certs/fullchain.pem', leaf.certificate + middle.certificate);
  write('certs/privkey.pem', leaf.privateKey);
  write('certs/ca.pem', root.certificate);
  write('secrets/15551234567', 'number-secret\n');

  const load = (yaml: string, environment: Record<string, string> = {}, now = new Date()): Outcome => {
    const file = write('wa-trunk.yaml', yaml);
    const lines = (faults: Parameters<typeof formatFault>[0][]): string[] =>
      faults.map((fault) => formatFault(fault).replace(`${folder}/`, ''));
    try {
      const { config, warnings } = loadConfig(file, { environment, now });
      return { config, faults: [], warnings: lines([...warnings]) };
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return { config: undefined, faults: lines([...error.faults]), warnings: lines([...error.warnings]) };
    }
  };
  return { folder, write, load, close: () => rmSync(folder, { recursive: true, force: true }) };
}
