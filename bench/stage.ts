import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCertificateAuthority, writePemPair } from '../simulator/pki.js';
import { cannedOffer } from '../simulator/sip/media-less.js';
import { Callers, type CallersOptions } from './load/callers.js';
import { Pbx, type PbxOptions } from './load/pbx.js';
import { openSink } from './load/sink.js';
import type { Side, SideOptions } from './sides/side.js';

export const HOSTNAME = 'gateway.example.com';
const NUMBER = '+15551234567';
const PASSWORD = 'a-password-for-one-run';

/** The world around the side under test: its certificate, the PBX behind it, where media goes. */
export interface Stage {
  readonly pbx: Pbx;
  readonly sideOptions: Omit<SideOptions, 'cpus' | 'maxCalls'>;
  /** A certificate of the stage's own authority. */
  readonly issue: (name: string) => { readonly key: string; readonly certificate: string };
  /** WhatsApp users that call through a side. Their owner closes them. */
  callers(side: Side, options?: Pick<CallersOptions, 'answerTimeoutMs' | 'byeTimeoutMs'>): Callers;
  close(): Promise<void>;
}

export async function openStage(pbxOptions: Omit<PbxOptions, 'rtpPort'> & Partial<PbxOptions> = {}): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'wa-trunk-bench-'));
  const authority = createCertificateAuthority();
  const files = await writePemPair(folder, 'gateway', authority.issue([HOSTNAME]));
  const caFile = join(folder, 'ca.crt');
  await writeFile(caFile, authority.certificate);
  const sink = await openSink();
  const pbx = await Pbx.start({ rtpPort: sink.port, ...pbxOptions });
  const offer = cannedOffer({ keying: 'sdes', port: sink.port });
  return {
    pbx,
    sideOptions: {
      hostname: HOSTNAME,
      tls: { ca: authority.certificate, caFile, ...files },
      number: NUMBER,
      password: PASSWORD,
      pbxPort: pbx.port,
    },
    issue: (name) => authority.issue([name]),
    callers: ({ target }, options = {}) =>
      new Callers({ target, called: NUMBER, password: PASSWORD, offer, ...options }),
    close: async () => {
      await pbx.close();
      await sink.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
