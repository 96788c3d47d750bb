import { runDemo, SCENARIOS } from '../../lab/demo/run.js';
import { abortable, choiceOption, EXIT, parse } from './command.js';
import type { Command } from './command.js';

export const command: Command = {
  help: `Usage: wa-trunk demo [--only SCENARIO] [--json]

Starts rtpengine, Asterisk, the gateway and a stand-in for Meta on this machine's loopback, places calls, and shows for
each what happened and what was heard. Fetches what is missing first. Leaves nothing running.

      --only SCENARIO   ${SCENARIOS.join(' or ')} (default: both)
      --json            the result as one JSON object, the last line of stdout, also on failure`,

  async run(args, io) {
    const { values } = parse(args, { only: { type: 'string' }, json: { type: 'boolean' } });
    const only = values.only === undefined ? {} : { only: choiceOption('only', values.only, SCENARIOS) };
    const good = await abortable(io, (signal) =>
      runDemo({
        ...only,
        json: values.json === true,
        program: io.program,
        out: (line) => io.out(line),
        progress: (line) => io.err(line),
        signal,
      }),
    );
    return good ? EXIT.good : EXIT.failed;
  },
};
