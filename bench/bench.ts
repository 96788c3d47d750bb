/** npm run bench: the gateway with rtpengine, and a real Asterisk doing the same alone, one after the other. */
import { type Cores, chooseCores, pin } from './cores.js';
import { type Effort, measureSide, type SideResult } from './measure-side.js';
import { report, table } from './report.js';
import { startAsteriskSide } from './sides/asterisk.js';
import { startGatewaySide } from './sides/gateway.js';
import type { Side } from './sides/side.js';
import { openStage, type Stage } from './stage.js';
import { oneOf, optionsOf, rtpengineOption, run } from './run.js';

const USAGE = `Usage: npm run bench -- [--json] [--quick] [--only wa-trunk|asterisk] [--rtpengine 26|10]
  --json       the result as one JSON object, the last line of stdout
  --quick      about 90 s instead of 6 minutes, and as much coarser
  --only       one side alone; prints its figures without ratios
  --rtpengine  which rtpengine the gateway uses, default 26`;

const FULL: Effort = {
  warmUpSeconds: 10,
  pauseSeconds: 33,
  heldCalls: 500,
  delaySeconds: 15,
  stepSeconds: 4,
  confirmSeconds: 8,
  resolution: 1.06,
  ceilingSeconds: 55,
  overloadSeconds: 8,
};
const QUICK: Effort = {
  warmUpSeconds: 4,
  pauseSeconds: 0,
  heldCalls: 100,
  delaySeconds: 5,
  stepSeconds: 3,
  confirmSeconds: 0,
  resolution: 1.15,
  ceilingSeconds: 20,
  overloadSeconds: 3,
};
const MAX_CALLS = 600;
const SIDES = ['wa-trunk', 'asterisk'] as const;

interface Options {
  readonly json: boolean;
  readonly effort: Effort;
  readonly only: string | undefined;
  readonly rtpengine: 'rtpengine-26' | 'rtpengine-10';
}

await run(USAGE, async (args, { progress, out, own }) => {
  const options = parse(args);
  const cores = await chooseCores();
  await pin(process.pid, cores.generator);
  const stage = own(await openStage());
  const results: Partial<Record<Side['name'], SideResult>> = {};
  for (const name of SIDES) {
    if (options.only !== undefined && options.only !== name) continue;
    const start = async (): Promise<Side> => own(await startSide(name, stage, cores, options));
    results[name] = await measureSide(start, stage, cores, options.effort, progress);
  }
  const { 'wa-trunk': ours, asterisk: theirs } = results;
  if (ours === undefined || theirs === undefined) return out(JSON.stringify(results));
  const whole = report(ours, theirs);
  out(options.json ? JSON.stringify(whole) : table(whole));
});

function parse(args: readonly string[]): Options {
  const { json, quick, only, rtpengine } = optionsOf(args, {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    rtpengine: { type: 'string', default: '26' },
  });
  return {
    json,
    effort: quick ? QUICK : FULL,
    only: only === undefined ? undefined : oneOf('only', only, SIDES),
    rtpengine: rtpengineOption(rtpengine),
  };
}

function startSide(name: Side['name'], stage: Stage, cores: Cores, { rtpengine }: Options): Promise<Side> {
  const options = { ...stage.sideOptions, cpus: cores.measured, maxCalls: MAX_CALLS };
  return name === 'wa-trunk' ? startGatewaySide({ ...options, rtpengine }) : startAsteriskSide(options);
}
