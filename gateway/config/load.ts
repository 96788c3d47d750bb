import type { Environment } from './environment.js';
import { checkCalling } from './calling.js';
import { checkControlPlane } from './control-plane.js';
import { readEnvironment } from './environment.js';
import { ConfigError } from './faults.js';
import type { Fault } from './faults.js';
import { SettingsFiles } from './files.js';
import { merge } from './merge.js';
import { checkReferences, defaultRelayAddress } from './references.js';
import { Report } from './report.js';
import { settings } from './schema.js';
import type { Settings } from './schema.js';
import { readSource } from './source.js';
import type { Source } from './source.js';
import { checkPresence, checkStructure } from './structure.js';
import type { Draft } from './structure.js';
import { toConfig } from './to-config.js';
import type { Config } from './types.js';

export interface LoadOptions {
  readonly environment?: Environment;
  /** For the validity of certificates. */
  readonly now?: Date;
}

export interface Loaded {
  readonly config: Config;
  readonly warnings: readonly Fault[];
}

/**
 * Loads wa-trunk.yaml: defaults, file, environment; checks all of it, the files it names included, and reads the secrets.
 * Throws {@link ConfigError} with every fault at once.
 */
export function loadConfig(file: string, options: LoadOptions = {}): Loaded {
  const source = readSource(file);
  if (source.faults.length > 0) throw new ConfigError(source.faults);
  return loadSource(source, options.environment ?? process.env, options.now ?? new Date());
}

function loadSource(source: Source, environment: Environment, now: Date): Loaded {
  const structure = checkStructure(settings, source);
  const variables = readEnvironment(settings, environment);
  const draft = merge(settings, structure.draft, variables.tree) as Draft<Settings>;
  const structural = [...structure.faults, ...variables.faults];
  const absent = checkPresence(settings, draft, source).filter((fault) => !isCovered(fault, structural));

  const report = new Report(source);
  const files = new SettingsFiles(source.file, environment, report);
  checkReferences(draft, report);
  files.checkCertificates(draft, now);
  files.checkSipTrace(draft);
  files.checkStoreFile(draft);
  files.checkGraphCa(draft);
  const token = files.graphToken(draft);
  checkControlPlane(draft, token.given, report);
  checkCalling(draft, report);
  const fetched = (number: Draft<Settings['numbers'][number]>): boolean =>
    token.given && number.phoneNumberId !== undefined;
  const secrets = {
    sipPasswords: (draft.numbers ?? []).map((number, i) =>
      number === undefined
        ? undefined
        : files.sipPassword(i, number, draft.whatsapp?.challenge === true && !fetched(number)),
    ),
    pbxPasswords: (draft.trunks ?? []).map((trunk, i) =>
      trunk === undefined ? undefined : files.pbxPassword(i, trunk),
    ),
    drachtio: files.drachtioSecret(draft),
    graphToken: token.secret,
    storeKey: files.storeKey(draft),
    redis: files.redisPassword(draft),
    verifyToken: files.verifyToken(draft),
    appSecrets: files.appSecrets(draft),
    apiToken: files.apiToken(draft),
  };
  const relayAddress = checkRelayAddress(draft, report);

  const faults = [...structural, ...absent, ...report.faults.filter((fault) => !isCovered(fault, structural))];
  const warnings = [...variables.warnings, ...report.warnings];
  if (faults.length > 0) throw new ConfigError(inOrder(faults), warnings);
  // Without a fault nothing of the draft is missing.
  const config = toConfig(draft as Settings, { secrets, relayAddress, absolute: (path) => files.absolute(path) });
  return { config, warnings: inOrder(warnings) };
}

function checkRelayAddress(draft: Draft<Settings>, report: Report): string {
  const address = defaultRelayAddress(draft);
  for (const [i, node] of (draft.media?.rtpengine ?? []).entries()) {
    if (node === undefined || node.relayAddress !== undefined || address !== undefined) continue;
    const allowed = 'the address of this machine that the PBX and rtpengine reach, since pbx.listen names none';
    report.fault(['media', 'rtpengine', i, 'relayAddress'], 'nothing', allowed);
  }
  return address ?? '';
}

/** A key whose value, or one of whose parents, is already at fault is not at fault once more. */
function isCovered(fault: Fault, others: readonly Fault[]): boolean {
  return others.some((other) => other.key === fault.key || fault.key.startsWith(`${other.key}.`));
}

function inOrder(faults: readonly Fault[]): readonly Fault[] {
  return [...faults].sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
}
