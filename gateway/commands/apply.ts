import { applySettings } from '../whatsapp/settings/index.js';
import type { Applied, FailedStep } from '../whatsapp/settings/index.js';
import type { GraphAccess } from '../whatsapp/graph/index.js';
import { EXIT, parse } from './command.js';
import type { Command, Io } from './command.js';
import { CONFIG_HELP, CONFIG_OPTION, loadNamed } from './config-file.js';
import { managedNumbers, planNumbers, targetOf } from './control-plane.js';
import { withGraph } from './graph-access.js';
import { planLines, sumUp } from './settings-report.js';
import type { NumberPlan } from './settings-report.js';

export const command: Command = {
  help: `Usage: wa-trunk apply [-c FILE] [--yes] [NUMBER]…

Brings Meta's call settings of the numbers with numbers[].calling into the state of the configuration: shows the plan, asks,
writes one step after the other, and reads each back. It stops at the first step that fails and says what is done and what
is not; run again, it goes on from there. What the configuration does not mention is left alone.

${CONFIG_HELP}
      --yes           do not ask; needed where there is no terminal`,

  async run(args, io) {
    const { values, positionals } = parse(args, { ...CONFIG_OPTION, yes: { type: 'boolean' } }, true);
    const { config, file } = loadNamed(values.config, io);
    const numbers = managedNumbers(config, positionals);
    if (numbers.length === 0) {
      io.out(`${file}: no number has numbers[].calling, so there is nothing to apply`);
      return EXIT.good;
    }
    if (values.yes !== true && io.ask === undefined) {
      throw new Error('there is no terminal to ask at: nothing was done; look at wa-trunk plan, then add --yes');
    }
    return withGraph(config, file, async (access) => {
      const planned = await planNumbers(numbers, access);
      for (const one of planned)
        if ('error' in one) throw new Error(`${one.number.number}: ${one.error}; nothing was done`);
      const plans = (planned as readonly NumberPlan[]).filter(({ changes }) => changes.length > 0);
      for (const one of planned as readonly NumberPlan[])
        for (const line of planLines(one, io.colours === true)) io.out(line);
      if (plans.length === 0) {
        io.out(`No changes: Meta's settings are those of ${file}.`);
        return EXIT.good;
      }
      io.out(`Plan: ${sumUp(plans)}.`);
      if (values.yes !== true && !(await isConfirmed(io))) {
        io.err('wa-trunk apply: nothing was done');
        return EXIT.failed;
      }
      return applyAll(plans, access, io);
    });
  },
};

async function isConfirmed(io: Io): Promise<boolean> {
  const answer = await io.ask?.('Do this at Meta? Only "yes" does it: ');
  return answer?.trim().toLowerCase() === 'yes';
}

async function applyAll(plans: readonly NumberPlan[], access: GraphAccess, io: Io): Promise<number> {
  const appId = await access.appId();
  for (const [i, { number }] of plans.entries()) {
    const result = await applySettings(targetOf(number, access, appId), {
      progress: (what, { step, changes }) => {
        if (what === 'verified')
          io.out(`${number.number}: ${step}: done and seen, ${changes.map(({ path }) => path).join(', ')}`);
      },
    });
    if (result.kind === 'stopped') {
      for (const line of stoppedLines(number.number, result)) io.err(line);
      const others = plans.slice(i + 1).map((plan) => plan.number.number);
      if (others.length > 0) io.err(`not begun: ${others.join(', ')}`);
      return EXIT.failed;
    }
  }
  io.out(
    `Applied: ${sumUp(plans).replaceAll(' to ', ' ').replace('add', 'added').replace('change', 'changed').replace('remove', 'removed')}.`,
  );
  return EXIT.good;
}

const IN_EFFECT: Readonly<Record<FailedStep['inEffect'], string>> = {
  no: 'not in effect',
  unknown: 'perhaps in effect, Meta could not be asked',
  partly: 'half done',
};

function stoppedLines(
  number: string,
  { done, failed, left }: Extract<Applied, { kind: 'stopped' }>,
): readonly string[] {
  const paths = (changes: readonly { readonly path: string }[]): string => changes.map(({ path }) => path).join(', ');
  return [
    `wa-trunk apply: ${number}: stopped at ${failed.step}: ${failed.message}`,
    ...(done.length === 0 ? [] : [`done: ${paths(done)}`]),
    ...(failed.changes.length === 0 ? [] : [`${IN_EFFECT[failed.inEffect]}: ${paths(failed.changes)}`]),
    ...(left.length === 0 ? [] : [`still to do: ${paths(left)}`]),
    'run wa-trunk apply again once the cause is mended: it goes on from what Meta has',
  ];
}
