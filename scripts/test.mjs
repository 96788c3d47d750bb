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

// These measure time: they run one by one, when nothing else does.
const ALONE = join('test', 'demo');

function run(files, concurrency) {
  if (files.length === 0) return 0;
  const args = [
    '--import',
    'tsx',
    '--test',
    `--test-concurrency=${concurrency}`,
    '--test-timeout=300000',
    ...files.sort(),
  ];
  return spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1;
}

const wanted = process.argv.slice(2);
const files =
  wanted.length > 0 ? wanted.flatMap(testFiles) : testFiles('test').filter((f) => !f.startsWith(OWN_COMMAND));
if (files.length === 0) {
  console.error('scripts/test.mjs: no test files found');
  process.exit(2);
}
const alone = files.filter((f) => f.startsWith(ALONE));
const together = files.filter((f) => !alone.includes(f));
const failed = [run(together, 2), run(alone, 1)].find((status) => status !== 0);
process.exit(failed ?? 0);
