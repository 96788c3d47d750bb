import { closest } from '../config/faults.js';
import { EXIT, UsageError } from './command.js';
import type { Command, Io } from './command.js';
import { reportError } from './errors.js';
import { packageVersion } from './package.js';

interface Entry {
  readonly summary: string;
  /** Loaded when it is asked for: `check` does not wait for what `serve` needs. */
  load(): Promise<{ readonly command: Command }>;
}

const COMMANDS: Readonly<Record<string, Entry>> = {
  serve: { summary: 'run the gateway', load: () => import('./serve.js') },
  check: { summary: 'check a configuration file', load: () => import('./check.js') },
  plan: { summary: "show how Meta's call settings differ from the configuration", load: () => import('./plan.js') },
  apply: {
    summary: "bring Meta's call settings into the state of the configuration",
    load: () => import('./apply.js'),
  },
  numbers: {
    summary: 'list the numbers of the business account; rotate a SIP password',
    load: () => import('./numbers.js'),
  },
  doctor: { summary: 'check everything that calls depend on, and say what to do', load: () => import('./doctor.js') },
  permissions: { summary: 'show or request call permissions of users', load: () => import('./permissions.js') },
  callbacks: { summary: 'users who are to be called back', load: () => import('./callbacks.js') },
  link: { summary: 'print the link and QR code that call a number', load: () => import('./link.js') },
  button: { summary: 'send a user a message with a call button', load: () => import('./button.js') },
  demo: {
    summary: 'place calls through a real Asterisk on this machine and show what was heard',
    load: () => import('./demo.js'),
  },
  simulate: { summary: "play Meta's side against a gateway and its dial-plan", load: () => import('./simulate.js') },
  components: {
    summary: 'fetch Asterisk, rtpengine and sipp for the demo and the tests',
    load: () => import('./components.js'),
  },
};

const HELP = `wa-trunk makes a WhatsApp Business number an ordinary SIP trunk for Asterisk and FreePBX.

Usage: wa-trunk COMMAND [OPTION]…

${Object.entries(COMMANDS)
  .map(([name, { summary }]) => `  ${name.padEnd(12)}${summary}`)
  .join('\n')}

  -h, --help      this text, or with a command: its options
  -V, --version   the version

Exit codes: 0 good, 1 failed, 2 wrong usage or configuration.`;

/** Runs the command line. Returns the exit code; throws nothing. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const [first, ...rest] = args;
  let name: string | undefined;
  try {
    if (first === undefined) throw new UsageError('a command is missing');
    if (first === '--help' || first === '-h' || first === 'help') return await help(rest[0], io);
    if (first === '--version' || first === '-V') return print(packageVersion(), io);
    const entry = entryOf(first);
    name = first;
    const { command } = await entry.load();
    if (rest.includes('--help') || rest.includes('-h')) return print(command.help, io);
    return await command.run(rest, io);
  } catch (error) {
    return reportError(error, name, io);
  }
}

async function help(name: string | undefined, io: Io): Promise<number> {
  if (name === undefined) return print(HELP, io);
  const { command } = await entryOf(name).load();
  return print(command.help, io);
}

function entryOf(name: string): Entry {
  const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (entry !== undefined) return entry;
  if (name.startsWith('-')) throw new UsageError(`unknown option ${name}`);
  const meant = closest(name, Object.keys(COMMANDS));
  const hint = meant === undefined ? `, allowed ${Object.keys(COMMANDS).join(', ')}` : `, did you mean ${meant}?`;
  throw new UsageError(`unknown command ${name}${hint}`);
}

function print(text: string, io: Io): number {
  io.out(text);
  return EXIT.good;
}
