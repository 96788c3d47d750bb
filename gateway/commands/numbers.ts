import type { Config } from '../config/index.js';
import { openStore } from '../store/index.js';
import type { Store } from '../store/port.js';
import { createLog } from '../telemetry/log.js';
import { GraphError } from '../whatsapp/graph/index.js';
import { listNumbers } from '../whatsapp/numbers.js';
import type { NumberState } from '../whatsapp/numbers.js';
import { rotatePassword } from '../whatsapp/settings/index.js';
import type { RotateStep } from '../whatsapp/settings/index.js';
import { EXIT, parse, UsageError } from './command.js';
import type { Command, Io } from './command.js';
import { CONFIG_HELP, CONFIG_OPTION, loadNamed } from './config-file.js';
import { numberNamed } from './control-plane.js';
import { withGraph } from './graph-access.js';

export const command: Command = {
  help: `Usage: wa-trunk numbers [-c FILE] [--json]
       wa-trunk numbers rotate-password NUMBER [-c FILE]

Lists the numbers of the business account (graph.businessAccountId; without it those of the configuration) with what Meta has
of them: calling, SIP server, keying, quality, health.

rotate-password makes Meta give the number a new SIP password: SIP is disabled, its server taken away and added again, and
all put back as it was. Calls of this number may fail meanwhile, others are untouched. A run that broke off is ended by the
next one. A running gateway takes the new password when Meta refuses the old one.

${CONFIG_HELP}
      --json          the list as one JSON object`,

  async run(args, io) {
    const { values, positionals } = parse(args, { ...CONFIG_OPTION, json: { type: 'boolean' } }, true);
    const [verb, name, ...more] = positionals;
    if (verb !== undefined && verb !== 'rotate-password')
      throw new UsageError(`unknown action "${verb}", allowed rotate-password`);
    if (verb !== undefined && (name === undefined || more.length > 0))
      throw new UsageError('rotate-password takes one NUMBER');
    const { config, file } = loadNamed(values.config, io);
    if (name === undefined) return list(config, file, values.json === true, io);
    const store = await openConfiguredStore(config, io);
    try {
      return await rotate(config, file, name, store, io);
    } finally {
      await store.close();
    }
  },
};

async function list(config: Config, file: string, json: boolean, io: Io): Promise<number> {
  const configured = config.numbers.flatMap(({ phoneNumberId }) => phoneNumberId ?? []);
  const numbers = await withGraph(config, file, async ({ graph, appId }) =>
    listNumbers({ graph, businessAccountId: config.graph?.businessAccountId, configured, appId: await appId() }),
  );
  if (json) io.out(JSON.stringify({ numbers }));
  else if (numbers.length === 0) io.out('no numbers');
  else for (const number of numbers) for (const line of describe(number)) io.out(line);
  return numbers.some(({ problem }) => problem !== undefined) ? EXIT.failed : EXIT.good;
}

function describe(state: NumberState): readonly string[] {
  const { phoneNumberId, number, name, quality, calling, health, configured, problem } = state;
  const title = [number ?? '(number unknown)', phoneNumberId, name, quality && `quality ${quality}`];
  const lines = [`${title.filter(Boolean).join('  ')}  ${configured ? 'configured here' : 'not configured here'}`];
  if (problem !== undefined) lines.push(`  ! ${problem}`);
  if (calling !== undefined) {
    const server = calling.server === undefined ? 'no server of this app' : `server ${calling.server}`;
    lines.push(`  calling ${calling.status}, SIP ${calling.sip}, ${server}, keying ${calling.keying}`);
    for (const other of calling.foreignServers)
      lines.push(`  ! another app's server ${other}: a BYE of either ends a call`);
    for (const { type, expiresAtMs } of calling.restrictions) {
      lines.push(`  ! ${type}${expiresAtMs === undefined ? '' : ` until ${new Date(expiresAtMs).toISOString()}`}`);
    }
  }
  if (health !== undefined) lines.push(`  calls over SIP ${health.sip}`);
  for (const { code, text, solution } of health?.problems ?? []) {
    lines.push(`  ! ${code === undefined ? '' : `${code}: `}${text}${solution === undefined ? '' : ` (${solution})`}`);
  }
  return lines;
}

const STEPS: Readonly<Record<RotateStep, string>> = {
  resume: 'an earlier rotation broke off: going on with it',
  disable: 'disabling SIP',
  clear: 'taking the server away',
  restore: 'adding the server again',
  keying: 'setting keying again',
  fetch: 'fetching the new password',
};

/** Once among all who share the store. */
export async function rotate(config: Config, file: string, name: string, store: Store, io: Io): Promise<number> {
  const number = numberNamed(config.numbers, name, 'of the configuration');
  const { phoneNumberId } = number;
  if (phoneNumberId === undefined) throw new Error(`${number.number}: numbers[].phoneNumberId is missing`);
  if (number.sipPassword !== undefined) {
    throw new Error(
      `${number.number}: its password comes from numbers[].sipPasswordFile or the environment, where a new one would not arrive: remove that first`,
    );
  }
  let begun = false;
  const progress = (step: RotateStep): void => {
    begun = true;
    io.err(`${number.number}: ${STEPS[step]}`);
  };
  try {
    await withGraph(config, file, async ({ graph, appId }) => {
      const app = await appId();
      // What the new password is, only the gateway needs to know: it asks Meta when the old one is refused.
      await rotatePassword({ graph, store, phoneNumberId, appId: app, keep: () => Promise.resolve(), progress });
    });
  } catch (error) {
    if (!begun || !(error instanceof GraphError)) throw error;
    const advice = `SIP may be off for ${number.number}: run the same command again, it goes on from here`;
    throw new Error(`${error.message}; ${advice}`, { cause: error });
  }
  io.out(`${number.number}: Meta has a new SIP password, and all else is as it was`);
  return EXIT.good;
}

function openConfiguredStore({ store }: Config, io: Io): Promise<Store> {
  const log = createLog('silent');
  if (store.engine !== 'memory') return openStore(store, { log });
  io.err('warning: without store.file or store.redis a rotation that breaks off cannot be resumed by itself');
  return openStore({ engine: 'sqlite', file: ':memory:' }, { log });
}
