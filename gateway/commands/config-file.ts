import { CONFIG_FILE_VARIABLE } from '../config/environment.js';
import { formatFault, loadConfig } from '../config/index.js';
import type { Loaded } from '../config/index.js';
import type { Io } from './command.js';

const DEFAULT_FILE = 'wa-trunk.yaml';

/** The options of commands that read the configuration. */
export const CONFIG_OPTION = { config: { type: 'string', short: 'c' } } as const;

export const CONFIG_HELP = `  -c, --config FILE   the configuration (default: $${CONFIG_FILE_VARIABLE}, else ${DEFAULT_FILE})`;

/** Loads what `-c`, the environment or the default names; warnings go to stderr. */
export function loadNamed(option: string | undefined, io: Io): Loaded & { readonly file: string } {
  const named = io.environment[CONFIG_FILE_VARIABLE];
  const file = option ?? (named === undefined || named === '' ? DEFAULT_FILE : named);
  const loaded = loadConfig(file, { environment: io.environment });
  for (const warning of loaded.warnings) io.err(`warning: ${formatFault(warning)}`);
  return { ...loaded, file };
}
