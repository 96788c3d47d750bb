import { closest, describe } from './faults.js';
import type { Fault } from './faults.js';
import type { Group, Scalar } from './shapes.js';

export type Environment = Readonly<Record<string, string | undefined>>;

const PREFIX = 'WA_TRUNK_';
export const CONFIG_FILE_VARIABLE = 'WA_TRUNK_CONFIG';
export const DRACHTIO_SECRET_VARIABLE = 'WA_TRUNK_DRACHTIO_SECRET';
export const GRAPH_TOKEN_VARIABLE = 'WA_TRUNK_GRAPH_TOKEN';
export const STORE_KEY_VARIABLE = 'WA_TRUNK_STORE_KEY';
export const REDIS_PASSWORD_VARIABLE = 'WA_TRUNK_REDIS_PASSWORD';
export const VERIFY_TOKEN_VARIABLE = 'WA_TRUNK_WEBHOOK_VERIFY_TOKEN';
export const API_TOKEN_VARIABLE = 'WA_TRUNK_API_TOKEN';
const SINGLE_SECRETS = [
  DRACHTIO_SECRET_VARIABLE,
  GRAPH_TOKEN_VARIABLE,
  STORE_KEY_VARIABLE,
  REDIS_PASSWORD_VARIABLE,
  VERIFY_TOKEN_VARIABLE,
  API_TOKEN_VARIABLE,
];
const SIP_PASSWORD_PREFIX = 'WA_TRUNK_SIP_PASSWORD_';
const PBX_PASSWORD_PREFIX = 'WA_TRUNK_PBX_PASSWORD_';
const SECRETS = [SIP_PASSWORD_PREFIX, PBX_PASSWORD_PREFIX];

/** `+15551234567` → `WA_TRUNK_SIP_PASSWORD_15551234567`. */
export function sipPasswordVariable(number: string): string {
  return SIP_PASSWORD_PREFIX + number.replace(/\D/g, '');
}

/** `branch-2` → `WA_TRUNK_PBX_PASSWORD_BRANCH_2`. */
export function pbxPasswordVariable(trunk: string): string {
  return PBX_PASSWORD_PREFIX + trunk.replace(/[^A-Za-z0-9]/g, '_').toUpperCase();
}

/** `gateway.maxCalls` → `WA_TRUNK_GATEWAY_MAX_CALLS`. */
export function variableOf(path: readonly string[]): string {
  return PREFIX + path.map((key) => key.replace(/([a-z])([A-Z])/g, '$1_$2').toUpperCase()).join('_');
}

/**
 * The settings given by environment variables: every scalar outside of lists has one. A variable of ours that means nothing
 * is a warning only, since the environment may belong to more than this program.
 */
export function readEnvironment(
  shape: Group<unknown>,
  environment: Environment,
): { tree: Readonly<Record<string, unknown>>; faults: readonly Fault[]; warnings: readonly Fault[] } {
  const faults: Fault[] = [];
  const known = new Set([CONFIG_FILE_VARIABLE, ...SINGLE_SECRETS]);

  function read(group: Group<unknown>, path: readonly string[]): Record<string, unknown> {
    const entries = Object.entries(group.fields).flatMap(([key, field]): [string, unknown][] => {
      const at = [...path, key];
      if (field.presence.kind === 'section') return [[key, read(field.shape as Group<unknown>, at)]];
      if (field.shape.kind !== 'scalar') return [];
      const variable = variableOf(at);
      known.add(variable);
      const text = environment[variable];
      if (text === undefined || text === '') return [];
      const value = readText(field.shape, text);
      if (value !== undefined) return [[key, value]];
      const found = field.shape.confidential ? 'an unusable value' : describe(text);
      faults.push({ file: 'environment', key: variable, found, allowed: field.shape.allowed });
      return [];
    });
    return Object.fromEntries(entries);
  }

  const tree = read(shape, []);
  const warnings = Object.keys(environment)
    .filter((name) => name.startsWith(PREFIX) && !SECRETS.some((prefix) => name.startsWith(prefix)) && !known.has(name))
    .map((name): Fault => ({
      file: 'environment',
      key: name,
      found: 'a variable that means nothing here',
      allowed: 'those in docs/reference/configuration.md',
      meant: closest(name, [...known]),
    }));
  return { tree, faults, warnings };
}

function readText(shape: Scalar<unknown>, text: string): unknown {
  if (shape.textual) return shape.read(text);
  if (text === 'true' || text === 'false') return shape.read(text === 'true');
  return shape.read(/^-?\d{1,15}$/.test(text) ? Number(text) : undefined);
}
