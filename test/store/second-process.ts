/** Another process on the same file: adds to a counter so many times, and prints what it saw last. */
import { openStore } from '../../gateway/store/index.js';
import { testLog } from './engines.js';

const [file = '', times = '0'] = process.argv.slice(2);
const store = await openStore({ engine: 'sqlite', file }, { log: testLog() });
let last: unknown;
for (let i = 0; i < Number(times); i++) {
  last = await store.update('shared', 'count', (value) => (typeof value === 'number' ? value : 0) + 1);
}
await store.close();
process.stdout.write(JSON.stringify(last));
