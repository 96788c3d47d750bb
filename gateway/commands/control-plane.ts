import type { Config, NumberConfig } from '../config/index.js';
import { closest } from '../config/faults.js';
import { GraphError } from '../whatsapp/graph/index.js';
import type { GraphAccess } from '../whatsapp/graph/index.js';
import { compareSettings, planWrites, wantedCalling } from '../whatsapp/settings/index.js';
import type { SettingsTarget } from '../whatsapp/settings/index.js';
import { UsageError } from './command.js';
import type { NumberPlan } from './settings-report.js';

/** The numbers with call settings that are named, or all of them. Throws UsageError for one that is not there. */
export function managedNumbers(config: Config, names: readonly string[]): readonly NumberConfig[] {
  const managed = config.numbers.filter(({ calling, phoneNumberId }) => calling && phoneNumberId);
  if (names.length === 0) return managed;
  return names.map((name) => numberNamed(managed, name, 'with numbers[].calling'));
}

export function numberNamed(numbers: readonly NumberConfig[], name: string, what: string): NumberConfig {
  const found = numbers.find(({ number, phoneNumberId }) => [number, number.slice(1), phoneNumberId].includes(name));
  if (found !== undefined) return found;
  const known = numbers.map(({ number }) => number);
  const meant = closest(name, known);
  const hint = meant === undefined ? '' : ` (did you mean ${meant}?)`;
  const allowed = known.length === 0 ? 'there is none' : `allowed ${known.join(', ')}${hint}`;
  throw new UsageError(`unknown number "${name}" ${what}: ${allowed}`);
}

export function targetOf(number: NumberConfig, { graph }: GraphAccess, appId: string | undefined): SettingsTarget {
  const { phoneNumberId, calling } = number;
  if (phoneNumberId === undefined || calling === undefined) throw new TypeError(`${number.number} is not managed`);
  return { graph, phoneNumberId, appId, wanted: wantedCalling(calling) };
}

export type Planned = NumberPlan | { readonly number: NumberConfig; readonly error: string };

/** Asks Meta about each number in turn; one that cannot be asked about does not keep the others from being shown. */
export async function planNumbers(numbers: readonly NumberConfig[], access: GraphAccess): Promise<readonly Planned[]> {
  const appId = await access.appId();
  const planned: Planned[] = [];
  for (const number of numbers) planned.push(await planNumber(number, targetOf(number, access, appId)));
  return planned;
}

async function planNumber(number: NumberConfig, target: SettingsTarget): Promise<Planned> {
  try {
    const { current, changes } = await compareSettings(target);
    return { number, current, changes, writes: planWrites(target.wanted, current.calling, changes) };
  } catch (error) {
    if (error instanceof GraphError) return { number, error: error.message };
    throw error;
  }
}
