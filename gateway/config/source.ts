import { readFileSync } from 'node:fs';
import { isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { Document, Pair, Scalar } from 'yaml';
import type { Fault, Path } from './faults.js';

/** A parsed YAML file that still knows where and how each value was written. */
export interface Source {
  readonly file: string;
  readonly tree: unknown;
  readonly faults: readonly Fault[];
  /** Line of the key or list item at `path`, or of the nearest one above it that is there. */
  line(path: Path): number | undefined;
  /** The text of an unquoted scalar as written (`+1555` where the tree has the number 1555). */
  plainText(path: Path): string | undefined;
}

/** Reads and parses; what is wrong is in `faults`, with `file` named as given. Never throws. */
export function readSource(file: string): Source {
  try {
    return parseSource(file, readFileSync(file, 'utf8'));
  } catch (error) {
    const found = `a file that cannot be read: ${reasonOf(error)}`;
    const allowed = 'a readable YAML file, see config/wa-trunk.example.yaml';
    return { ...parseSource(file, ''), faults: [{ file, key: '', found, allowed }] };
  }
}

export function parseSource(file: string, text: string): Source {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const faults = document.errors.map((error): Fault => {
    const { line, col } = lines.linePos(error.pos[0]);
    return { file: `${file}:${line}:${col}`, key: '', found: `invalid YAML (${error.message})`, allowed: 'YAML 1.2' };
  });
  const { tree, fault } = faults.length > 0 ? { tree: undefined, fault: undefined } : treeOf(file, document);
  return {
    file,
    tree,
    faults: fault === undefined ? faults : [fault],
    line: (path) => {
      const offset = offsetOf(document, path);
      return offset === undefined ? undefined : lines.linePos(offset).line;
    },
    plainText: (path) => {
      const node = document.getIn(path, true);
      return isScalar(node) && node.type === 'PLAIN' ? node.source : undefined;
    },
  };
}

/** Why a file could not be used, without the path that the reader is told anyway. */
export function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  switch (code) {
    case 'ENOENT':
      return 'no such file';
    case 'EACCES':
      return 'permission denied';
    case 'EISDIR':
      return 'is a directory';
    default:
      return code ?? (error as Error).message;
  }
}

function treeOf(file: string, document: Document.Parsed): { tree: unknown; fault: Fault | undefined } {
  try {
    return { tree: document.toJS(), fault: undefined };
  } catch (error) {
    // Aliases that expand without end.
    const found = `YAML that cannot be resolved (${(error as Error).message})`;
    return { tree: undefined, fault: { file, key: '', found, allowed: 'YAML 1.2' } };
  }
}

function offsetOf(document: Document.Parsed, path: Path): number | undefined {
  let node: unknown = document.contents;
  let offset: number | undefined;
  for (const step of path) {
    if (isMap(node)) {
      const pair: Pair | undefined = node.items.find((item) => isScalar(item.key) && item.key.value === step);
      if (pair === undefined) return offset;
      offset = (pair.key as Scalar).range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
      offset = (node as Scalar | undefined)?.range?.[0] ?? offset;
    } else return offset;
  }
  return offset;
}
