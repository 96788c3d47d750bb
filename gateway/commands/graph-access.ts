/** Meta's Graph API for commands that ask it themselves. */
import { ConfigError } from '../config/index.js';
import type { Config, NumberConfig } from '../config/index.js';
import { createLog } from '../telemetry/log.js';
import { openGraph } from '../whatsapp/graph/index.js';
import type { GraphAccess } from '../whatsapp/graph/index.js';
import { UsageError } from './command.js';

/** Runs work with a client, and closes it. @throws ConfigError where the configuration has no token. */
export async function withGraph<T>(
  config: Config,
  file: string,
  work: (access: GraphAccess) => Promise<T>,
): Promise<T> {
  if (config.graph === undefined)
    throw missing(file, 'graph.tokenFile', 'a file with an access token, for this command');
  const access = openGraph(config.graph, { log: createLog('silent') });
  try {
    return await work(access);
  } finally {
    await access.graph.close();
  }
}

export type ManagedNumber = NumberConfig & { readonly phoneNumberId: string };

/** The number that `--number` names, or the only one. @throws UsageError, ConfigError */
export function managedNumber(config: Config, file: string, option: string | undefined): ManagedNumber {
  const names = config.numbers.map(({ number }) => number);
  if (option === undefined && names.length > 1) {
    throw new UsageError(`--number is missing, allowed ${names.join(', ')}`);
  }
  const at = option === undefined ? 0 : names.indexOf(option);
  const number = config.numbers[at];
  if (number === undefined) throw new UsageError(`--number: found "${option ?? ''}", allowed ${names.join(', ')}`);
  const { phoneNumberId } = number;
  if (phoneNumberId !== undefined) return { ...number, phoneNumberId };
  throw missing(file, `numbers[${at}].phoneNumberId`, `Meta's id of ${number.number}, for this command`);
}

function missing(file: string, key: string, allowed: string): ConfigError {
  return new ConfigError([{ file, key, found: 'nothing', allowed }]);
}
