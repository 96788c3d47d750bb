import convict from 'convict';
import type { Field, Group } from './shapes.js';

/**
 * Merges defaults, file and environment, the later winning, with convict. All three are checked before, more strictly than
 * convict's own validation could; it is kept from the command line (`args`), from the process environment (`env`) and from
 * coercing (`format: '*'`).
 */
export function merge(shape: Group<unknown>, file: unknown, environment: unknown): unknown {
  const merged = convict<unknown>(convictSchema(shape), { args: [], env: {} });
  merged.load(file);
  merged.load(environment);
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
    // An optional group is one value: 'Object' keeps convict from looking for a schema of its keys.
    format: field.shape.kind === 'group' ? 'Object' : '*',
    default: field.presence.kind === 'default' ? field.presence.value : undefined,
  };
}
