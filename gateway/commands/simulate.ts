import { runSimulator, SimulateOptionError } from '../../simulator/cli.js';
import type { SimulateOptions } from '../../simulator/cli.js';
import { abortable, choiceOption, EXIT, integerOption, parse, UsageError } from './command.js';
import type { Command } from './command.js';

const KEYINGS = ['dtls', 'sdes'] as const;
const CODECS = ['opus', 'PCMA', 'PCMU'] as const;
const SIP_TLS_PORT = '5061';

export const command: Command = {
  help: `Usage: wa-trunk simulate --to NUMBER --connect HOST[:PORT] [OPTION]…

Plays Meta's side: places a call to a gateway as a WhatsApp user's call arrives, plays a tone, presses keys, and shows the
SIP ladder, what was heard, and which of Meta's rules were broken. Exit code 1 if a call failed or a rule was broken.
The gateway must trust this machine's address: see whatsapp.trustedNetworks.

      --to NUMBER            business number to call, E.164 with its + (required)
      --connect HOST[:PORT]  where the gateway listens for Meta (required; port ${SIP_TLS_PORT})
      --hostname NAME        gateway.hostname, which the certificate must cover (default: the host to connect to)
      --from USER            the caller: E.164 number or BSUID (default: +15550001111)
      --password-file FILE   the number's SIP password, for gateways that challenge
      --ca FILE              PEM file of the CA that signed the gateway's certificate
      --insecure             go on with a certificate that does not verify
      --keying MODE          ${KEYINGS.join(' or ')} (default: dtls)
      --codecs LIST          of ${CODECS.join(', ')}, best first (default: opus)
      --digits KEYS          keys to press one second after the answer
      --duration SECONDS     from the answer to the caller's hang-up (default: 10)
      --tone HZ              the tone that the caller sends (default: 1000)
      --calls N              that many calls, begun 100 ms apart (default: 1)
      --user-param NAME=VALUE  user parameter of the request-URI, may be repeated
      --payload TEXT         payload of the call button
      --deep-link TEXT       payload of the deep link
      --media-address ADDR   local IPv4 address for media (default: the one that reaches the gateway)
      --json                 the result as one JSON object, the last line of stdout`,

  async run(args, io) {
    const options = readOptions(args);
    try {
      const good = await abortable(io, (signal) => runSimulator(options, (line) => io.out(line), signal));
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
    from: { ...text, default: '+15550001111' },
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
    json: { type: 'boolean', default: false },
  });
  return {
    to: needed('to', values.to),
    from: values.from,
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
