/** `wa-trunk doctor`: everything that calls depend on, checked. */
import type { Config } from '../config/index.js';
import type { Check } from './check.js';
import { certificateCheck, configCheck, storeCheck } from './checks/machine.js';
import { graphCheck, numberCheck, settingsCheck, sipPasswordCheck, tokenCheck } from './checks/meta.js';
import { pbxHostCheck, rtpengineCheck } from './checks/peers.js';

export { CHECK_IDS } from './check.js';
export type { Check, CheckId, Context, Finding } from './check.js';
export { hasFailed, runChecks } from './run.js';
export type { Report, RunOptions } from './run.js';

/** In the order of the report: what others depend on comes first. */
export function checksFor({ media, trunks, numbers }: Config): readonly Check[] {
  return [
    ...[configCheck, certificateCheck, storeCheck],
    ...media.rtpengine.map(rtpengineCheck),
    ...trunks.flatMap((trunk) => trunk.hosts.map((host) => pbxHostCheck(trunk, host))),
    ...[graphCheck, tokenCheck],
    ...numbers.flatMap((number) => [numberCheck(number), settingsCheck(number), sipPasswordCheck(number)]),
  ];
}
