import { checksFor, hasFailed, runChecks } from '../doctor/index.js';
import type { Report } from '../doctor/index.js';
import { EXIT, integerOption, parse } from './command.js';
import type { Command } from './command.js';
import { CONFIG_HELP, CONFIG_OPTION, loadNamed } from './config-file.js';
import { createLog } from '../telemetry/log.js';
import { openGraph } from '../whatsapp/graph/index.js';

const DEFAULT_SECONDS = '15';

export const command: Command = {
  help: `Usage: wa-trunk doctor [-c FILE] [--timeout SECONDS] [--json]

Checks everything that calls depend on: configuration, certificate, store, rtpengine, PBX, Graph API, token, and each
number at Meta. One line a check; what to do about it is on the next. Nothing is changed; a running gateway goes on.
Exit code 1 when a check failed, 2 when the configuration cannot be used.

${CONFIG_HELP}
      --timeout SECONDS   how long each check may take (default: ${DEFAULT_SECONDS})
      --json              all findings as one JSON object`,

  async run(args, io) {
    const { values } = parse(args, {
      ...CONFIG_OPTION,
      timeout: { type: 'string', default: DEFAULT_SECONDS },
      json: { type: 'boolean' },
    });
    const timeoutMs = integerOption('timeout', values.timeout, 1, 300) * 1000;
    const { config, warnings, file } = loadNamed(values.config, { ...io, err: () => undefined });
    const access = config.graph && openGraph(config.graph, { log: createLog('silent') });
    const context = { config, warnings, file, now: Date.now, ...(access === undefined ? {} : { meta: access }) };
    const report = (one: Report): void => {
      if (values.json !== true) for (const line of linesOf(one)) io.out(line);
    };
    try {
      const reports = await runChecks(checksFor(config), context, { timeoutMs, report });
      const failed = hasFailed(reports);
      if (values.json === true) io.out(JSON.stringify({ good: !failed, checks: reports }));
      return failed ? EXIT.failed : EXIT.good;
    } finally {
      await access?.graph.close();
    }
  },
};

/** `fail  rtpengine 127.0.0.1:2223: …`, and what to do on the next line. */
function linesOf({ result, title, evidence, remedy }: Report): readonly string[] {
  const advice = remedy === undefined ? [] : [`      -> ${remedy}`];
  return [`${result.padEnd(4)}  ${title}: ${evidence}`, ...advice];
}
