import { describe, keyOf } from './faults.js';
import type { Path } from './faults.js';
import type { Report } from './report.js';
import type { Settings } from './schema.js';
import type { Draft } from './structure.js';

/** What the keys of the control plane need of each other. @param hasToken there is a token for the Graph API */
export function checkControlPlane(draft: Draft<Settings>, hasToken: boolean, report: Report): void {
  const ids = (draft.numbers ?? []).map((number) => number?.phoneNumberId);
  for (const [i, number] of (draft.numbers ?? []).entries()) {
    const first = ids.indexOf(number?.phoneNumberId);
    const path: Path = ['numbers', i, 'phoneNumberId'];
    if (number?.phoneNumberId !== undefined && first !== i) {
      const where = keyOf(['numbers', first, 'phoneNumberId']);
      report.fault(path, `${describe(number.phoneNumberId)} again (see ${where})`, 'each once');
    }
    for (const key of ['calling', 'callback'] as const) {
      if (number?.[key] === undefined) continue;
      if (number.phoneNumberId === undefined) report.fault(path, 'nothing', `Meta's id of the number, for ${key}`);
      if (!hasToken) report.fault(['numbers', i, key], `${key} without a token`, 'graph.tokenFile besides it');
    }
  }
  if (draft.store?.file !== undefined && draft.store.redis !== undefined) {
    report.warn(['store', 'file'], 'a file besides redis, which is used in its place', 'one of them');
  }
}
