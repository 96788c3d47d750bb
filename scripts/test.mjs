// Runs the tests with node's own runner. Arguments narrow it down: folders or files below test/.
// Node 20 expands no globs for --test, so the files are listed here.
import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const OWN_COMMAND = join('test', 'drachtio'); // needs a real drachtio-server: npm run test:drachtio

function testFiles(path) {
  if (statSync(path).isFile()) return [path];
  return readdirSync(path)
    .map((name) => join(path, name))
    .flatMap((p) => (statSync(p).isDirectory() ? testFiles(p) : p.endsWith('.test.ts') ? [p] : []));
}

const wanted = process.argv.slice(2);
const files =
  wanted.length > 0 ? wanted.flatMap(testFiles) : testFiles('test').filter((f) => !f.startsWith(OWN_COMMAND));
if (files.length === 0) {
  console.error('scripts/test.mjs: no test files found');
  process.exit(2);
}
const run = spawnSync(
  process.execPath,
  ['--import', 'tsx', '--test', '--test-concurrency=2', '--test-timeout=300000', ...files.sort()],
  { stdio: 'inherit' },
);
process.exit(run.status ?? 1);
