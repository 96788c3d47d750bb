import type { NumberConfig } from '../config/index.js';
import type { Change, Current, Leaf, Write } from '../whatsapp/settings/index.js';

/** What plan and apply show of one number. */
export interface NumberPlan {
  readonly number: NumberConfig;
  readonly current: Current;
  readonly changes: readonly Change[];
  readonly writes: readonly Write[];
}

const SIGNS = { added: '+', changed: '~', removed: '-' } as const;
const COLOURS = { added: 32, changed: 33, removed: 31 } as const;

export function planLines({ number, current, changes }: NumberPlan, colours: boolean): readonly string[] {
  const width = Math.max(0, ...changes.map(({ path }) => path.length));
  const lines = changes.map((change) => {
    const line = `  ${SIGNS[change.kind]} ${change.path.padEnd(width)}  ${valuesOf(change)}`;
    return colours ? `\u001b[${COLOURS[change.kind]}m${line}\u001b[0m` : line;
  });
  const title = `${number.number} (${number.phoneNumberId ?? ''})`;
  return [
    changes.length === 0 ? `${title}: no changes` : title,
    ...lines,
    ...warningsOf(current).map((text) => `  ! ${text}`),
  ];
}

export function warningsOf({ foreignServers }: Current): readonly string[] {
  return foreignServers.map(
    ({ hostname }) => `another app has the SIP server ${hostname} at this number: a BYE of either ends a call`,
  );
}

function valuesOf(change: Change): string {
  switch (change.kind) {
    case 'added':
      return show(change.after);
    case 'changed':
      return `${show(change.before)} -> ${show(change.after)}`;
    case 'removed':
      return show(change.before);
  }
}

function show(leaf: Leaf): string {
  if (typeof leaf === 'object') return leaf.length === 0 ? '(none)' : leaf.join(', ');
  return String(leaf);
}

export function countChanges(plans: readonly NumberPlan[]): { add: number; change: number; remove: number } {
  const all = plans.flatMap(({ changes }) => changes.map(({ kind }) => kind));
  const count = (kind: Change['kind']): number => all.filter((one) => one === kind).length;
  return { add: count('added'), change: count('changed'), remove: count('removed') };
}

export function sumUp(plans: readonly NumberPlan[]): string {
  const { add, change, remove } = countChanges(plans);
  return `${add} to add, ${change} to change, ${remove} to remove`;
}
