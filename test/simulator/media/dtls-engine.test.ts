import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

test('engines that were closed and collected do no harm when the last one stops libdatachannel', async () => {
  const child = fileURLToPath(new URL('./dtls-engine-child.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', '--import', 'tsx', child], {
    // glibc overwrites freed memory: what is used after it was freed crashes, not only now and then.
    env: { ...process.env, MALLOC_PERTURB_: '165' },
  });
  assert.equal(stdout, 'collected 20\n');
});
