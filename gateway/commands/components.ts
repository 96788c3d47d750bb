import { COMPONENT_NAMES, describeProgress, ensureComponents, progressSteps } from '../../lab/components/index.js';
import type { ComponentName, Progress } from '../../lab/components/index.js';
import { closest } from '../config/faults.js';
import { abortable, EXIT, parse, UsageError } from './command.js';
import type { Command, Io } from './command.js';

export const command: Command = {
  help: `Usage: wa-trunk components [NAME]…

Fetches what the demo, the tests and the benchmarks need into a cache folder, from the Debian mirror of this machine,
signatures checked, without root: ${COMPONENT_NAMES.join(', ')} (default: all). What is there already stays.

      --cache-dir DIR   where to (default: .cache/components of the package, else ~/.cache/wa-trunk/components)`,

  async run(args, io) {
    const { values, positionals } = parse(args, { 'cache-dir': { type: 'string' } }, true);
    const names = positionals.length === 0 ? COMPONENT_NAMES : positionals.map(componentName);
    const cacheDir = values['cache-dir'];
    const components = await abortable(io, (signal) =>
      ensureComponents(names, { progress: showProgress(io), signal, ...(cacheDir === undefined ? {} : { cacheDir }) }),
    );
    for (const name of names) io.out(`${name.padEnd(12)} ${components[name].version}  ${components[name].root}`);
    return EXIT.good;
  },
};

function componentName(text: string): ComponentName {
  const name = COMPONENT_NAMES.find((one) => one === text);
  if (name !== undefined) return name;
  const meant = closest(text, COMPONENT_NAMES);
  const hint = meant === undefined ? '' : ` (did you mean ${meant}?)`;
  throw new UsageError(`unknown component "${text}", allowed ${COMPONENT_NAMES.join(', ')}${hint}`);
}

/** Every step on a terminal, a few of them in a log. */
function showProgress(io: Io): (progress: Progress) => void {
  const isWorthALine = progressSteps(io.terminal ? 5 : 25);
  return (progress) => {
    if (isWorthALine(progress)) io.err(describeProgress(progress));
  };
}
