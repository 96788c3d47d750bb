/** Scenario `business-calls`: the PBX calls WhatsApp users, agents do with calls what agents do, and Meta refuses. */
import { CHECK_NUMBERS, CHECK_ROUTES, CHECK_TRUNKS, playBusinessChecks } from './business-checks.js';
import { PAIR_NUMBERS, PAIR_ROUTES, playPairsOut } from './business-pairs.js';
import { Callees } from './callees.js';
import { FEATURE_NUMBERS, FEATURE_ROUTES, playFeatures } from './feature-calls.js';
import { playRefusals, REFUSAL_NUMBERS, REFUSAL_ROUTES } from './refusals.js';
import type { Played } from './result.js';
import type { ScenarioParts } from './scenario.js';
import type { Stage } from './stage.js';

export const businessCalls: ScenarioParts = {
  numbers: [...PAIR_NUMBERS, ...FEATURE_NUMBERS, ...REFUSAL_NUMBERS, ...CHECK_NUMBERS],
  trunks: [
    { name: 'pbx', codecs: ['opus', 'PCMA'], hosts: ['all'] },
    { name: 'pcma', codecs: ['PCMA'], hosts: ['pcma'] },
    { name: 'hold', codecs: ['PCMA'], hosts: ['hold'] },
    ...CHECK_TRUNKS,
  ],
  outbound: [...PAIR_ROUTES, ...FEATURE_ROUTES, ...REFUSAL_ROUTES, ...CHECK_ROUTES],
  play: playBusinessCalls,
};

async function playBusinessCalls(stage: Stage): Promise<Played> {
  const callees = new Callees(stage);
  // Media is measured when nothing else goes on; who refuses, and how, does not depend on time.
  const pairs = await playPairsOut(stage, callees);
  const { refusals, checks } = await playRefusals(stage, callees);
  const others = await playBusinessChecks(stage, callees);
  const features = await playFeatures(stage, callees);
  return { calls: [...pairs, ...features], refusals, checks: [...checks, ...others] };
}
