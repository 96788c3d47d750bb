/** What is on this machine: configuration, certificate, store. */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { checkCertificate, parseChain } from '../../config/certificates.js';
import { formatFault } from '../../config/index.js';
import { openStore } from '../../store/index.js';
import type { Check, Context, Finding } from '../check.js';
import { findingOf } from '../findings.js';

export const configCheck: Check = {
  id: 'config',
  title: 'configuration',
  run: ({ file, warnings }) =>
    Promise.resolve(
      findingOf(
        warnings.map((warning) => ({ severity: 'warn', text: formatFault(warning) })),
        `${file} is good`,
      ),
    ),
};

export const certificateCheck: Check = {
  id: 'certificate',
  title: 'certificate',
  async run({ config: { whatsapp, gateway }, now }) {
    const [chain, privateKey, ca] = await Promise.all([
      readFile(whatsapp.certificate, 'utf8'),
      readFile(whatsapp.privateKey, 'utf8'),
      whatsapp.ca === undefined ? undefined : readFile(whatsapp.ca, 'utf8'),
    ]);
    const found = checkCertificate({ chain, privateKey, ca, hostname: gateway.hostname, now: new Date(now()) });
    const concerns = found.map(({ severity, about, found: what, allowed }) => ({
      ...({ severity: severity === 'fault' ? 'fail' : 'warn', text: `whatsapp.${about}: found ${what}` } as const),
      remedy: `put in place ${allowed}`,
    }));
    return findingOf(concerns, describeChain(chain, gateway.hostname, now()));
  },
};

export const storeCheck: Check = {
  id: 'store',
  title: 'store',
  async run({ config }) {
    if (config.store.engine === 'memory') return inMemory(config);
    const quiet = { info: () => undefined, warn: () => undefined };
    const store = await openStore(config.store, { log: quiet });
    const key = randomUUID();
    try {
      await store.put('doctor', key, 'written', { expiresAtMs: Date.now() + 60_000 });
      const read = await store.get('doctor', key);
      await store.delete('doctor', key);
      const where = config.store.engine === 'sqlite' ? config.store.file : config.store.url;
      if (read?.value === 'written') return { result: 'ok', evidence: `${where}: written and read` };
      return { result: 'fail', evidence: `${where}: what was written is not read again` };
    } finally {
      await store.close();
    }
  },
};

/** Nothing has to survive where nothing is asked of Meta. */
function inMemory({ graph }: Context['config']): Finding {
  if (graph === undefined) return { result: 'skip', evidence: 'in memory' };
  return {
    result: 'warn',
    evidence: 'in memory: SIP passwords, permissions, callbacks and call records are lost at a restart',
    remedy: 'set store.file, or store.redis for several gateways',
  };
}

function describeChain(pem: string, hostname: string, nowMs: number): string {
  const chain = parseChain(pem);
  const leaf = Array.isArray(chain) ? chain[0] : undefined;
  if (leaf === undefined || !Array.isArray(chain)) return 'cannot be parsed';
  const days = Math.floor((Date.parse(leaf.validTo) - nowMs) / 86_400_000);
  return `covers ${hostname}, ${chain.length} in the chain, ${days} days left`;
}
