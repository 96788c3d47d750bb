import { readFileSync } from 'node:fs';
import { abortable, choiceOption, EXIT, integerOption, parse, UsageError } from './command.js';
import type { Command, Io } from './command.js';

const KEYINGS = ['dtls', 'sdes'] as const;
const CODECS = ['opus', 'PCMA', 'PCMU'] as const;

/** A call, or several, that a WhatsApp user places to a gateway. */
export interface SimulateOptions {
  /** The business number that is called, E.164. */
  readonly to: string;
  /** The caller. */
  readonly from: string;
  /** Where the gateway is reached. */
  readonly connect: { readonly host: string; readonly port: number };
  /** The host name that the certificate must cover. */
  readonly hostname: string;
  /** PEM of further roots. */
  readonly ca?: string;
  /** Take any certificate. */
  readonly insecure: boolean;
  readonly password?: string;
  readonly keying: (typeof KEYINGS)[number];
  readonly codecs: readonly (typeof CODECS)[number][];
  /** Keys pressed once the call is answered. */
  readonly digits: string;
  readonly durationMs: number;
  readonly calls: number;
  readonly json: boolean;
  readonly signal: AbortSignal;
}

/** What simulator/cli provides. Resolves with whether every call was answered and no rule of Meta's was broken. */
export type RunSimulator = (options: SimulateOptions, out: (line: string) => void) => Promise<boolean>;

const SIMULATOR = '../../simulator/cli.js';

export const command: Command = {
  help: `Usage: wa-trunk simulate --to NUMBER --hostname NAME [OPTION]…

Plays Meta's side: places a call to a gateway as a WhatsApp user's call arrives, plays a tone, sends keys, and shows the SIP
ladder, what was heard, and which of Meta's rules the gateway broke. Exit code 1 if a call failed or a rule was broken.

      --to NUMBER            business number to call, E.164 with its + (required)
      --hostname NAME        gateway.hostname: the name the certificate must cover (required)
      --connect HOST:PORT    where the gateway is reached (default: the host name, port 5061)
      --from NUMBER          the caller (default: +15550001111)
      --password-file FILE   the number's SIP password (or $WA_TRUNK_SIMULATE_PASSWORD)
      --ca FILE              PEM file of further roots for the gateway's certificate
      --insecure             take any certificate
      --keying MODE          ${KEYINGS.join(' or ')} (default: dtls)
      --codecs LIST          of ${CODECS.join(', ')}, best first (default: opus)
      --digits KEYS          keys pressed after the answer, of 0-9 * #
      --duration SECONDS     how long an answered call lasts (default: 10)
      --calls N              calls at once (default: 1)
      --json                 the result as one JSON object, the last line of stdout`,

  async run(args, io) {
    const options = readOptions(args, io);
    const { runSimulator } = (await import(SIMULATOR)) as { readonly runSimulator: RunSimulator };
    const good = await abortable(io, (signal) => runSimulator({ ...options, signal }, (line) => io.out(line)));
    return good ? EXIT.good : EXIT.failed;
  },
};

function readOptions(args: readonly string[], io: Io): Omit<SimulateOptions, 'signal'> {
  const { values } = parse(args, {
    to: { type: 'string' },
    hostname: { type: 'string' },
    connect: { type: 'string' },
    from: { type: 'string', default: '+15550001111' },
    'password-file': { type: 'string' },
    ca: { type: 'string' },
    insecure: { type: 'boolean', default: false },
    keying: { type: 'string', default: 'dtls' },
    codecs: { type: 'string', default: 'opus' },
    digits: { type: 'string', default: '' },
    duration: { type: 'string', default: '10' },
    calls: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  });
  const hostname = needed('hostname', values.hostname);
  const password =
    values['password-file'] === undefined
      ? io.environment.WA_TRUNK_SIMULATE_PASSWORD
      : read('password-file', values['password-file']).replace(/\r?\n$/, '');
  return {
    to: number('to', needed('to', values.to)),
    from: number('from', values.from),
    hostname,
    connect: endpoint(values.connect ?? hostname),
    ...(values.ca === undefined ? {} : { ca: read('ca', values.ca) }),
    insecure: values.insecure,
    ...(password === undefined ? {} : { password }),
    keying: choiceOption('keying', values.keying, KEYINGS),
    codecs: values.codecs.split(',').map((codec) => choiceOption('codecs', codec.trim(), CODECS)),
    digits: keys(values.digits),
    durationMs: integerOption('duration', values.duration, 1, 3600) * 1000,
    calls: integerOption('calls', values.calls, 1, 1000),
    json: values.json,
  };
}

function needed(name: string, value: string | undefined): string {
  if (value === undefined) throw new UsageError(`--${name} is missing`);
  return value;
}

function number(name: string, text: string): string {
  if (/^\+[1-9]\d{6,14}$/.test(text)) return text;
  throw new UsageError(`--${name}: found "${text}", allowed an E.164 number with its + such as +15551234567`);
}

function keys(text: string): string {
  if (/^[0-9*#]{0,64}$/.test(text)) return text;
  throw new UsageError(`--digits: found "${text}", allowed any of 0-9 * #`);
}

/** `host`, `host:port`, `[v6]:port`. */
function endpoint(text: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined)
    throw new UsageError(`--connect: found "${text}", allowed HOST:PORT, an IPv6 address in brackets`);
  return { host, port: integerOption('connect', match?.[3] ?? '5061', 1, 65535) };
}

function read(name: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`--${name}: ${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'})`);
  }
}
