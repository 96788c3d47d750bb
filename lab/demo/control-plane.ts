/** Scenario `control-plane`: from a number that is empty at Meta to a working trunk, with nothing done by hand. */
import type { StageMetaParts, StageNumber } from './stage.js';
import { isCalled } from './control-calls.js';
import { MAIN, playControlChecks, ROTATED, ROUTES, SPARE } from './control-checks.js';
import type { CheckResult } from './result.js';
import type { ScenarioParts } from './scenario.js';

const number = (one: string): StageNumber => ({
  ...{ number: one, keying: 'sdes', codecs: ['opus'], trunk: 'pcma', extension: isCalled(one) },
});

export function controlPlane(): ScenarioParts {
  const before: CheckResult[] = [];
  return {
    numbers: [number(MAIN), number(ROTATED)],
    trunks: [{ name: 'pcma', codecs: ['PCMA'], hosts: ['pcma'] }],
    outbound: ROUTES,
    meta: {
      calling: {
        status: 'enabled',
        sip: { requestUriUserParams: { tgrp: 'wacall' }, webhookDelivery: 'enabled' },
        callIconVisibility: 'default',
        callbackPermission: 'enabled',
      },
      more: { requestPermission: true, callback: { extension: '624', automatic: false } },
      spare: SPARE,
      prepare: async (meta) => void before.push(...(await fromEmpty(meta))),
    },
    play: async (stage) => {
      if (stage.meta === undefined) throw new TypeError('the stage has no Graph API');
      return { calls: [], checks: [...before, ...(await playControlChecks(stage, stage.meta))] };
    },
  };
}

async function fromEmpty({ run, graph }: StageMetaParts): Promise<CheckResult[]> {
  const config = ['-c', 'wa-trunk.yaml'];
  const plan = await run('plan', '--json', ...config);
  const { summary } = JSON.parse(plan.stdout || '{}') as { readonly summary?: { readonly add?: number } };
  const apply = await run('apply', '--yes', ...config);
  const { calling } = graph.settingsOf(MAIN);
  const held = {
    ...{ status: calling.status, sip: calling.sip?.status, keying: calling.srtp_key_exchange_protocol },
    server: calling.sip?.servers[0]?.hostname,
  };
  const clean = await run('plan', ...config);
  return [
    { name: 'plan-empty', ok: plan.code === 2 && (summary?.add ?? 0) > 0, value: { exit: plan.code, ...summary } },
    {
      name: 'apply',
      ok: apply.code === 0 && held.status === 'ENABLED' && held.sip === 'ENABLED' && held.keying === 'SDES',
      value: { exit: apply.code, ...held, ...(apply.code === 0 ? {} : { said: apply.stderr }) },
    },
    { name: 'plan-clean', ok: clean.code === 0, value: { exit: clean.code } },
  ];
}
