import convict from 'convict';
import type { Field, Group } from './shapes.js';

/**
 * Merges defaults, file and environment, the later winning, with convict. All three are checked and typed before; convict is
 * kept from the command line (`args`), from the process environment (`env`) and from coercing (`format: '*'`).
 */
export function merge(shape: Group<unknown>, file: unknown, environment: unknown): unknown {
  const merged = convict<unknown>(convictSchema(shape), { args: [], env: {} });
  merged.load(file);
  merged.load(environment);
  merged.validate({ allowed: 'strict' });
  return merged.getProperties();
}

function convictSchema(shape: Group<unknown>): convict.Schema<unknown> {
  return Object.fromEntries(
    Object.entries(shape.fields).map(([key, field]) => [
      key,
      field.presence.kind === 'section' ? convictSchema(field.shape as Group<unknown>) : leaf(field),
    ]),
  );
}

function leaf(field: Field<unknown>): convict.SchemaObj {
  return {
    doc: field.doc,
    // An optional group is one value: 'object' keeps convict from descending into it.
    format: field.shape.kind === 'group' ? 'object' : '*',
    default: field.presence.kind === 'default' ? field.presence.value : undefined,
  };
}
