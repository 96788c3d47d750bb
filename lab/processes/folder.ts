import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new temporary folder for one program. Its owner removes it. */
export function programFolder(name: string): Promise<string> {
  return mkdtemp(join(tmpdir(), `wa-trunk-${name}-`));
}

/** Removes a program's folder. */
export async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
}

/** Runs the steps before a program has an owner; when one fails, undoes what was done so far and throws. */
export async function orUndo<T>(steps: () => Promise<T>, undo: () => Promise<void>): Promise<T> {
  try {
    return await steps();
  } catch (error) {
    await undo();
    throw error;
  }
}
