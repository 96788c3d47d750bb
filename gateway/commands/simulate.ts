import { runSimulator, SimulateOptionError } from '../../simulator/cli.js';
import type { SimulateOptions } from '../../simulator/cli.js';
import type { Answering } from '../../simulator/answering.js';
import { REFUSALS, type RefusalId } from '../../simulator/sip/business/refusals.js';
import { abortable, choiceOption, EXIT, integerOption, parse, UsageError } from './command.js';
import type { Command } from './command.js';

const KEYINGS = ['dtls', 'sdes'] as const;
const CODECS = ['opus', 'PCMA', 'PCMU'] as const;
const SIP_TLS_PORT = '5061';
const REFUSAL_CODES = Object.keys(REFUSALS) as RefusalId[];

export const command: Command = {
  help: `Usage: wa-trunk simulate --to NUMBER --connect HOST[:PORT] [OPTION]…

Plays Meta's side: places a call to a gateway as a WhatsApp user's call arrives, plays a tone, presses keys, and shows the
SIP ladder, what was heard, and which of Meta's rules were broken. With --listen it takes the calls of the business: dial
out of your PBX, and the called user rings, answers, plays the tone and hangs up, or refuses. Exit code 1 if a call failed
or a rule was broken. The gateway must trust this machine's address: see whatsapp.trustedNetworks.

      --to NUMBER            business number to call, or whose calls are taken, E.164 with its + (required)
      --connect HOST[:PORT]  where the gateway listens for Meta (required; port ${SIP_TLS_PORT})
      --hostname NAME        gateway.hostname, which the certificate must cover (default: the host to connect to)
      --from USER            the caller: E.164 number or BSUID (default: +15550001111)
      --password-file FILE   the number's SIP password: for gateways that challenge, and for challenging them
      --ca FILE              PEM file of the CA that signed the gateway's certificate
      --insecure             go on with a certificate that does not verify
      --keying MODE          ${KEYINGS.join(' or ')} (default: dtls)
      --codecs LIST          of ${CODECS.join(', ')}, best first (default: opus)
      --digits KEYS          keys to press one second after the answer
      --duration SECONDS     from the answer to the user's hang-up (default: 10)
      --tone HZ              the tone that the user sends (default: 1000)
      --calls N              that many calls; placed ones begin 100 ms apart (default: 1)
      --user-param NAME=VALUE  user parameter of the request-URI, may be repeated
      --payload TEXT         payload of the call button
      --deep-link TEXT       payload of the deep link
      --media-address ADDR   local IPv4 address for media (default: the one that reaches the gateway)
      --json                 the result as one JSON object, the last line of stdout

To take calls:
      --listen [ADDR:]PORT   where the gateway finds Meta: whatsapp.edge (address: 127.0.0.1)
      --identity FOLDER      certificate of this stand-in, made where there is none; whatsapp.ca is the ca.crt in it
                             (default: wa-trunk-stand-in)
      --ring SECONDS         from the call to the answer or refusal (default: 2)
      --refuse CODE          refuse, as Meta does with this code of docs/reference/errors.md
      --wait SECONDS         how long to wait for each call (default: 3600)`,

  async run(args, io) {
    const options = readOptions(args);
    try {
      const good = await abortable(io, (signal) =>
        runSimulator(
          options,
          (line) => io.out(line),
          signal,
          (line) => io.err(line),
        ),
      );
      return good ? EXIT.good : EXIT.failed;
    } catch (error) {
      throw error instanceof SimulateOptionError ? new UsageError(error.message) : error;
    }
  },
};

const text = { type: 'string' } as const;

function readOptions(args: readonly string[]): SimulateOptions {
  const { values } = parse(args, {
    to: text,
    connect: text,
    hostname: text,
    from: text,
    'password-file': text,
    ca: text,
    insecure: { type: 'boolean', default: false },
    keying: { ...text, default: 'dtls' },
    codecs: { ...text, default: 'opus' },
    digits: text,
    duration: { ...text, default: '10' },
    tone: text,
    calls: { ...text, default: '1' },
    'user-param': { ...text, multiple: true },
    payload: text,
    'deep-link': text,
    'media-address': text,
    listen: text,
    identity: text,
    ring: text,
    refuse: text,
    wait: text,
    json: { type: 'boolean', default: false },
  });
  rejectMixture(values);
  return {
    to: needed('to', values.to),
    from: values.from ?? '+15550001111',
    connect: endpoint(needed('connect', values.connect)),
    insecure: values.insecure,
    keying: choiceOption('keying', values.keying, KEYINGS),
    codecs: values.codecs.split(',').map((codec) => choiceOption('codecs', codec.trim(), CODECS)),
    durationMs: integerOption('duration', values.duration, 0, 86_400) * 1000,
    calls: integerOption('calls', values.calls, 1, 200),
    json: values.json,
    ...given('hostname', values.hostname),
    ...given('caFile', values.ca),
    ...given('passwordFile', values['password-file']),
    ...given('digits', values.digits),
    ...given('toneHz', values.tone === undefined ? undefined : integerOption('tone', values.tone, 50, 3400)),
    ...given('requestUriUserParams', values['user-param'] && Object.fromEntries(values['user-param'].map(userParam))),
    ...given('ctaPayload', values.payload),
    ...given('deeplinkPayload', values['deep-link']),
    ...given('mediaAddress', values['media-address']),
    ...given('answering', values.listen === undefined ? undefined : answering(values.listen, values)),
  };
}

const ONLY_PLACING = ['from', 'user-param', 'payload', 'deep-link'] as const;
const ONLY_TAKING = ['identity', 'ring', 'refuse', 'wait'] as const;

/** Options of the one direction have no meaning in the other. */
function rejectMixture(values: Readonly<Record<string, unknown>>): void {
  const taking = values.listen !== undefined;
  const wrong = (taking ? ONLY_PLACING : ONLY_TAKING).find((name) => values[name] !== undefined);
  if (wrong !== undefined) throw new UsageError(`--${wrong} ${taking ? 'is not for' : 'needs'} --listen`);
}

interface AnsweringValues {
  readonly identity?: string | undefined;
  readonly ring?: string | undefined;
  readonly refuse?: string | undefined;
  readonly wait?: string | undefined;
}

function answering(listen: string, values: AnsweringValues): Answering {
  const match = /^(?:([\d.]+):)?(\d{1,5})$/.exec(listen);
  if (match === null) throw new UsageError(`--listen: found "${listen}", allowed PORT or ADDRESS:PORT, IPv4`);
  return {
    listen: { host: match[1] ?? '127.0.0.1', port: integerOption('listen', match[2] ?? '', 0, 65_535) },
    identity: values.identity ?? 'wa-trunk-stand-in',
    ringMs: integerOption('ring', values.ring ?? '2', 0, 3600) * 1000,
    waitMs: integerOption('wait', values.wait ?? '3600', 1, 86_400) * 1000,
    ...given('refusal', values.refuse === undefined ? undefined : choiceOption('refuse', values.refuse, REFUSAL_CODES)),
  };
}

function given<K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, V>);
}

function needed(name: string, value: string | undefined): string {
  if (value === undefined) throw new UsageError(`--${name} is missing`);
  return value;
}

/** `host`, `host:port`, `[v6]:port`. */
function endpoint(value: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(value);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined) {
    throw new UsageError(`--connect: found "${value}", allowed HOST:PORT, an IPv6 address in brackets`);
  }
  return { host, port: integerOption('connect', match?.[3] ?? SIP_TLS_PORT, 1, 65_535) };
}

function userParam(value: string): [string, string] {
  const match = /^([^=]+)=(.*)$/.exec(value);
  if (match === null) throw new UsageError(`--user-param: found "${value}", allowed NAME=VALUE`);
  return [match[1] ?? '', match[2] ?? ''];
}
