import { EXIT, parse } from './command.js';
import type { Command, Io } from './command.js';
import { CONFIG_HELP, CONFIG_OPTION, loadNamed } from './config-file.js';
import { managedNumbers, planNumbers } from './control-plane.js';
import { withGraph } from './graph-access.js';
import type { Planned } from './control-plane.js';
import { reportError } from './errors.js';
import { countChanges, planLines, sumUp, warningsOf } from './settings-report.js';
import type { NumberPlan } from './settings-report.js';

const CHANGES = 2;

export const command: Command = {
  help: `Usage: wa-trunk plan [-c FILE] [--json] [NUMBER]…

Shows how Meta's call settings of the numbers with numbers[].calling differ from the configuration: + is added, ~ changed,
- removed. Changes nothing; wa-trunk apply makes it so. What the configuration does not mention is not compared.

${CONFIG_HELP}
      --json          the result as one JSON object

Exit codes of this command: 0 no difference, 1 any error (wrong usage and configuration too), 2 there are differences.`,

  async run(args, io) {
    try {
      return await plan(args, io);
    } catch (error) {
      // Unlike elsewhere 2 means "differs" here, so an error must not be 2.
      reportError(error, 'plan', io);
      return EXIT.failed;
    }
  },
};

async function plan(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parse(args, { ...CONFIG_OPTION, json: { type: 'boolean' } }, true);
  const { config, file } = loadNamed(values.config, io);
  const numbers = managedNumbers(config, positionals);
  const planned = numbers.length === 0 ? [] : await withGraph(config, file, (access) => planNumbers(numbers, access));
  const plans = planned.filter((one): one is NumberPlan => !('error' in one));
  if (values.json === true) io.out(JSON.stringify(asJson(planned)));
  else showPlan(planned, plans, file, io);
  for (const one of planned) if ('error' in one) io.err(`wa-trunk plan: ${one.number.number}: ${one.error}`);
  if (plans.length < planned.length) return EXIT.failed;
  return plans.some(({ changes }) => changes.length > 0) ? CHANGES : EXIT.good;
}

function showPlan(planned: readonly Planned[], plans: readonly NumberPlan[], file: string, io: Io): void {
  if (planned.length === 0) {
    io.out(`${file}: no number has numbers[].calling, so nothing is compared`);
    return;
  }
  for (const one of plans) for (const line of planLines(one, io.colours === true)) io.out(line);
  if (plans.length < planned.length) return;
  const changes = plans.some((one) => one.changes.length > 0);
  io.out(
    changes
      ? `Plan: ${sumUp(plans)}. wa-trunk apply makes it so.`
      : `No changes: Meta's settings are those of ${file}.`,
  );
}

function asJson(planned: readonly Planned[]): unknown {
  const plans = planned.filter((one): one is NumberPlan => !('error' in one));
  return {
    numbers: planned.map((one) => {
      const { number, phoneNumberId } = one.number;
      if ('error' in one) return { number, phoneNumberId, error: one.error };
      return {
        number,
        phoneNumberId,
        changes: one.changes,
        steps: one.writes.map(({ step }) => step),
        warnings: warningsOf(one.current),
      };
    }),
    summary: countChanges(plans),
  };
}
