import { abortable, choiceOption, EXIT, parse } from './command.js';
import type { Command, Io } from './command.js';

/** Later stages add theirs. */
export const SCENARIOS = ['user-calls'] as const;
export type Scenario = (typeof SCENARIOS)[number];

export interface DemoOptions {
  readonly scenarios: readonly Scenario[];
  /** Print the result as one JSON object, the last line of stdout, also on failure. */
  readonly json: boolean;
  readonly signal: AbortSignal;
}

/** What lab/demo provides. Resolves with whether everything was as expected. */
export type RunDemo = (options: DemoOptions, io: Pick<Io, 'out' | 'err' | 'terminal'>) => Promise<boolean>;

const DEMO = '../../lab/demo/index.js';

export const command: Command = {
  help: `Usage: wa-trunk demo [--only SCENARIO] [--json]

Starts rtpengine, Asterisk, the gateway and a stand-in for Meta on this machine's loopback, places calls, and shows for
each what happened and what was heard. Fetches what is missing first. Leaves nothing running.

      --only SCENARIO   one of: ${SCENARIOS.join(', ')} (default: all)
      --json            the result as one JSON object, the last line of stdout`,

  async run(args, io) {
    const { values } = parse(args, { only: { type: 'string' }, json: { type: 'boolean' } });
    const scenarios = values.only === undefined ? SCENARIOS : [choiceOption('only', values.only, SCENARIOS)];
    const { runDemo } = (await import(DEMO)) as { readonly runDemo: RunDemo };
    const good = await abortable(io, (signal) => runDemo({ scenarios, json: values.json === true, signal }, io));
    return good ? EXIT.good : EXIT.failed;
  },
};
