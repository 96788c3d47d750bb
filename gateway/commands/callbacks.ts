import type { Config } from '../config/index.js';
import { createCallbacks } from '../whatsapp/callbacks/index.js';
import type { CallbackEntry, Callbacks } from '../whatsapp/callbacks/index.js';
import { choiceOption, EXIT, parse, UsageError } from './command.js';
import type { Command, Io } from './command.js';
import { CONFIG_HELP, CONFIG_OPTION, loadNamed } from './config-file.js';
import { askGateway } from './gateway-api.js';
import { aligned, localIso, userArgument } from './output.js';
import { withStore } from './store-access.js';

const ACTIONS = ['list', 'add', 'place', 'remove'] as const;

export const command: Command = {
  help: `Usage: wa-trunk callbacks [list] [--number N] [--json]
       wa-trunk callbacks add|place|remove USER [--number N] [--json]

Users who are to be called back. list, add and remove work on the store, with or without a running gateway; place has the
running gateway call now, the PBX first and then the user, over http.listen with the token of http.tokenFile.
USER is an E.164 number with its +, or a user id (US.1349…).

${CONFIG_HELP}
      --number N   the business number (default: all for list, else the only one of the configuration)
      --json       the result as one JSON object`,

  async run(args, io) {
    const { values, positionals } = parse(
      args,
      { ...CONFIG_OPTION, number: { type: 'string' }, json: { type: 'boolean' } },
      true,
    );
    const [word = 'list', ...rest] = positionals;
    const action = choiceOption('callbacks', word, ACTIONS);
    if (action === 'list' && rest.length > 0) throw new UsageError(`unexpected argument '${rest[0] ?? ''}'`);
    const user = action === 'list' ? '' : userArgument(rest);
    const { config, file } = loadNamed(values.config, io);
    const json = values.json === true;
    if (action === 'list') {
      const number = values.number === undefined ? undefined : numberOf(config, values.number);
      return withQueue(config, file, async (queue) => list(await queue.list(number), json, io));
    }
    const job = { user, number: numberOf(config, values.number), json };
    switch (action) {
      case 'add':
        return withQueue(config, file, (queue) => add(queue, job, io));
      case 'remove':
        return withQueue(config, file, (queue) => remove(queue, job, io));
      case 'place':
        return place(config, file, job, io);
    }
  },
};

interface Job {
  readonly number: string;
  readonly user: string;
  readonly json: boolean;
}

function numberOf({ numbers }: Config, option: string | undefined): string {
  const names = numbers.map(({ number }) => number);
  if (option !== undefined && !names.includes(option))
    throw new UsageError(`--number: found "${option}", allowed ${names.join(', ')}`);
  const number = option ?? (names.length === 1 ? names[0] : undefined);
  if (number === undefined) throw new UsageError(`--number is missing, allowed ${names.join(', ')}`);
  return number;
}

function withQueue(config: Config, file: string, work: (queue: Callbacks) => Promise<number>): Promise<number> {
  const log = { info: () => undefined, warn: () => undefined };
  const nobody = (): Promise<never> => Promise.reject(new Error('only the running gateway places calls'));
  return withStore(config, file, (store) => work(createCallbacks({ store, log, place: nobody })));
}

function list(entries: readonly CallbackEntry[], json: boolean, io: Io): number {
  if (json) io.out(JSON.stringify({ callbacks: entries }));
  else if (entries.length === 0) io.out('nobody is to be called back');
  else {
    const rows = entries.map(({ user, number, reasons, addedAtMs, expiresAtMs, attempts }) => [
      ...[user, number, reasons.join(', '), localIso(addedAtMs), localIso(expiresAtMs), String(attempts)],
    ]);
    for (const line of aligned([['USER', 'NUMBER', 'REASON', 'SINCE', 'UNTIL', 'ATTEMPTS'], ...rows])) io.out(line);
  }
  return EXIT.good;
}

async function add(queue: Callbacks, { user, number, json }: Job, io: Io): Promise<number> {
  const entry = await queue.add({ number, user, reason: 'agent' });
  if (json) io.out(JSON.stringify(entry));
  else io.out(`${user} is to be called back by ${number}, until ${localIso(entry.expiresAtMs)}`);
  return EXIT.good;
}

async function remove(queue: Callbacks, { user, number, json }: Job, io: Io): Promise<number> {
  const removed = await queue.remove(number, user);
  if (json) io.out(JSON.stringify({ number, user, removed }));
  else if (removed) io.out(`${user} is no longer to be called back by ${number}`);
  else io.err(`wa-trunk callbacks: ${unknownUser(user, number)}`);
  return removed ? EXIT.good : EXIT.failed;
}

/** The API names callbacks by ids of its own. */
async function place(config: Config, file: string, { user, number, json }: Job, io: Io): Promise<number> {
  const listed = await askGateway(config, file, 'GET', '/api/v1/callbacks');
  const entries: unknown = fieldOf(listed.body, 'callbacks');
  if (listed.status !== 200 || !Array.isArray(entries)) throw new Error(`the gateway refused: ${reasonOf(listed)}`);
  const entry = (entries as unknown[]).find(
    (one) => fieldOf(one, 'user') === user && fieldOf(one, 'number') === number,
  );
  const id = fieldOf(entry, 'id');
  if (typeof id !== 'string') throw new Error(unknownUser(user, number));
  const answer = await askGateway(config, file, 'POST', `/api/v1/callbacks/${encodeURIComponent(id)}/place`);
  if (answer.status !== 202) throw new Error(`the gateway refused: ${reasonOf(answer)}`);
  io.out(json ? JSON.stringify({ number, user, id, placed: true }) : `${user} is being called back by ${number}`);
  return EXIT.good;
}

function unknownUser(user: string, number: string): string {
  return `${user} is not to be called back by ${number}; wa-trunk callbacks lists who is`;
}

function reasonOf({ status, body }: { readonly status: number; readonly body: unknown }): string {
  const error = fieldOf(body, 'error');
  const message = typeof error === 'string' ? error : (fieldOf(error, 'message') ?? fieldOf(body, 'message'));
  return typeof message === 'string' ? `${message} (HTTP ${status})` : `HTTP ${status}`;
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
