import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new temporary folder for one program. Its owner removes it. */
export function programFolder(name: string): Promise<string> {
  return mkdtemp(join(tmpdir(), `wa-trunk-${name}-`));
}
