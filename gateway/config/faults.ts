/** Where in the tree a value stands, e.g. `['numbers', 0, 'keying']`. */
export type Path = readonly (string | number)[];

/** One thing that is wrong (or, as a warning, doubtful) in the configuration. */
export interface Fault {
  /** The file as the operator named it, or `environment`. */
  readonly file: string;
  /** `numbers[0].keying`, or the environment variable's name; empty when the file as a whole is meant. */
  readonly key: string;
  readonly found: string;
  readonly allowed: string;
  readonly line?: number | undefined;
  /** What the operator probably meant. */
  readonly meant?: string | undefined;
}

export function keyOf(path: Path): string {
  return path.map((step, i) => (typeof step === 'number' ? `[${step}]` : i === 0 ? step : `.${step}`)).join('');
}

/** One line: `wa-trunk.yaml: numbers[0].keying: found "dtsl", allowed dtls, sdes (line 14; did you mean dtls?)`. */
export function formatFault(fault: Fault): string {
  const notes = [
    ...(fault.line === undefined ? [] : [`line ${fault.line}`]),
    ...(fault.meant === undefined ? [] : [`did you mean ${fault.meant}?`]),
  ];
  const where = [fault.file, fault.key].filter((part) => part !== '').join(': ');
  const note = notes.length === 0 ? '' : ` (${notes.join('; ')})`;
  return `${where}: found ${fault.found}, allowed ${fault.allowed}${note}`.replace(/[\r\n]+\s*/g, ' ');
}

/** The configuration cannot be used: every fault at once, and the warnings seen on the way. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(
    readonly faults: readonly Fault[],
    readonly warnings: readonly Fault[] = [],
  ) {
    super(faults.map(formatFault).join('\n'));
  }
}

const SHOWN = 80;

/** A value as a fault shows it: short, on one line, its type recognisable. */
export function describe(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  const text = typeof value === 'string' ? JSON.stringify(value) : `${value as number | boolean | bigint}`;
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}

/** The candidate that `text` was probably meant to be: the same but for case, or at most two edits away. */
export function closest(text: string, candidates: readonly string[]): string | undefined {
  const allowedEdits = text.length < 4 ? 1 : 2;
  let best: { candidate: string; distance: number } | undefined;
  for (const candidate of candidates) {
    const distance = editDistance(text.toLowerCase(), candidate.toLowerCase());
    if (distance <= allowedEdits && (best === undefined || distance < best.distance)) best = { candidate, distance };
  }
  return best?.candidate;
}

/** Edits between two short words: insert, delete, replace, and swap of neighbours (optimal string alignment). */
function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return 3;
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  const at = (i: number, j: number): number => rows[i]?.[j] ?? Infinity;
  for (let i = 1; i <= a.length; i++) {
    rows.push([i]);
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(i - 2, j - 2) + 1 : Infinity;
      rows[i]?.push(Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, replaced, swapped));
    }
  }
  return at(a.length, b.length);
}
