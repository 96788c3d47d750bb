import { createPermissions } from '../whatsapp/permissions/index.js';
import type { ActionState, Pair, PermissionState, Permissions, RequestOutcome } from '../whatsapp/permissions/index.js';
import { choiceOption, EXIT, parse, UsageError } from './command.js';
import type { Command, Io } from './command.js';
import { CONFIG_HELP, CONFIG_OPTION, loadNamed } from './config-file.js';
import { managedNumber, withGraph } from './graph-access.js';
import type { ManagedNumber } from './graph-access.js';
import { aligned, localIso, userArgument } from './output.js';
import { withStore } from './store-access.js';

export const command: Command = {
  help: `Usage: wa-trunk permissions show USER [--number N] [--json]
       wa-trunk permissions request USER [--number N] [--text TEXT | --template NAME [--language CODE]] [--json]

Shows whether a WhatsApp user may be called and how often, or asks the user for it, as often as Meta allows: within the
service window by a message, else by an approved template. No running gateway is needed.
USER is an E.164 number with its +, or a user id (US.1349…).

${CONFIG_HELP}
      --number N        the business number (default: the only one of the configuration)
      --text TEXT       the message (default: permissions.requestText)
      --template NAME   this template, whatever the window (default: permissions.requestTemplate outside of it)
      --language CODE   of the template (default: en)
      --json            the result as one JSON object`,

  async run(args, io) {
    const { values, positionals } = parse(args, OPTIONS, true);
    const [word, ...rest] = positionals;
    if (word === undefined) throw new UsageError('show or request is missing');
    const action = choiceOption('permissions', word, ['show', 'request']);
    const user = userArgument(rest);
    if (values.text !== undefined && values.template !== undefined)
      throw new UsageError('--text and --template exclude each other');
    const { config, file } = loadNamed(values.config, io);
    const number = managedNumber(config, file, values.number);
    return withGraph(config, file, ({ graph }) =>
      withStore(config, file, async (store) => {
        const log = { info: () => undefined, warn: () => undefined };
        const permissions = createPermissions({
          graph,
          store,
          log,
          settings: config.permissions,
          failure: (code) => code,
        });
        const job = { permissions, number, user, json: values.json === true };
        if (action === 'show') return show(job, io);
        const { text, template, language = 'en' } = values;
        return request(job, { ...(text && { text }), ...(template && { template: { name: template, language } }) }, io);
      }),
    );
  },
};

const text = { type: 'string' } as const;
const OPTIONS = {
  ...CONFIG_OPTION,
  ...{ number: text, text, template: text, language: text },
  json: { type: 'boolean' },
} as const;

interface Job {
  readonly permissions: Permissions<string>;
  readonly number: ManagedNumber;
  readonly user: string;
  readonly json: boolean;
}

async function show({ permissions, number, user, json }: Job, io: Io): Promise<number> {
  const state = await permissions.show(number, user);
  if (state === undefined) throw new Error('Meta cannot be asked about this number');
  const { unanswered } = await permissions.counts(number.number, user);
  if (json) io.out(JSON.stringify({ number: number.number, user, ...state, unanswered }));
  else for (const line of linesOf(number.number, user, state, unanswered)) io.out(line);
  return EXIT.good;
}

async function request(
  { permissions, number, user, json }: Job,
  options: Parameters<typeof permissions.request>[2],
  io: Io,
) {
  const outcome = await permissions.request(number, user, options);
  const good = outcome.kind === 'sent' || outcome.kind === 'not-needed';
  if (json) io.out(JSON.stringify({ number: number.number, user, ...outcome }));
  else if (good) io.out(sentence(user, outcome));
  else io.err(`wa-trunk permissions: ${sentence(user, outcome)}`);
  return good ? EXIT.good : EXIT.failed;
}

function sentence(user: string, outcome: RequestOutcome): string {
  switch (outcome.kind) {
    case 'sent': {
      const id = outcome.messageId === undefined ? '' : `: ${outcome.messageId}`;
      return `${user} was asked by ${outcome.message === 'template' ? 'template' : 'message'}${id}`;
    }
    case 'not-needed':
      return `${user} has given permanent permission already`;
    case 'limited':
      if (outcome.nextAtMs === undefined) return outcome.text;
      return `${user} was asked as often as Meta allows; next possible at ${localIso(outcome.nextAtMs)}`;
    case 'failed':
      return outcome.text;
  }
}

function linesOf(
  number: string,
  user: string,
  state: PermissionState,
  unanswered: Pair['unanswered'],
): readonly string[] {
  const until = state.expiresAtMs === undefined ? '' : `, until ${localIso(state.expiresAtMs)}`;
  return aligned([
    ['user', user],
    ['number', number],
    ['permission', `${state.status}${until}`],
    ['call', describe(state.call)],
    ['request', describe(state.request)],
    ['unanswered', `${unanswered} in a row`],
  ]);
}

const PERIODS: Readonly<Record<string, string>> = { PT24H: '24 hours', P7D: '7 days' };

/** `yes; 3 of 100 in 24 hours` */
function describe({ allowed, limits }: ActionState): string {
  const may = allowed === undefined ? 'Meta does not say' : allowed ? 'yes' : 'no';
  const used = limits.map(({ period, max, used: count, freeAtMs }) => {
    const next = freeAtMs === undefined ? '' : `, next at ${localIso(freeAtMs)}`;
    return `${count} of ${max} in ${PERIODS[period] ?? period}${next}`;
  });
  return [may, ...used].join('; ');
}
