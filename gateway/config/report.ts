import { keyOf } from './faults.js';
import type { Fault, Path } from './faults.js';
import type { Source } from './source.js';

/** Collects what the checks after the structural one find, each with its place in the file. */
export class Report {
  readonly faults: Fault[] = [];
  readonly warnings: Fault[] = [];
  readonly #source: Pick<Source, 'file' | 'line'>;

  constructor(source: Pick<Source, 'file' | 'line'>) {
    this.#source = source;
  }

  fault(path: Path, found: string, allowed: string, meant?: string): undefined {
    this.faults.push(this.#at(path, found, allowed, meant));
    return undefined;
  }

  warn(path: Path, found: string, allowed: string): void {
    this.warnings.push(this.#at(path, found, allowed));
  }

  #at(path: Path, found: string, allowed: string, meant?: string): Fault {
    return { file: this.#source.file, key: keyOf(path), found, allowed, line: this.#source.line(path), meant };
  }
}
