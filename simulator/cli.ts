import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { lookup } from 'node:dns/promises';
import { type Answering, standInIdentity, takeCalls } from './answering.js';
import { createMediaPeer, createMediaShare, type MediaShare } from './media/index.js';
import type { Codec, Keying } from './media/types.js';
import { startMetaEdge, type MetaEdge, type MetaEdgeOptions } from './sip/edge.js';
import { callLines, outcomeOf, summaryLine, violationLine, type CallOutcome } from './report.js';
import { endSignal, talk } from './talk.js';

/** What `wa-trunk simulate` takes. Times in ms. */
export interface SimulateOptions {
  /** The business number, +E.164: it is called, or with `answering` its calls are taken. */
  readonly to: string;
  /** Takes calls of the business in place of placing any. */
  readonly answering?: Answering;
  /** The WhatsApp user who calls, +E.164 or a BSUID. */
  readonly from: string;
  /** Where the gateway listens for Meta. */
  readonly connect: { readonly host: string; readonly port: number };
  /** The hostname configured at Meta: SNI, verified name, host of the request-URI. Default: the host to connect to. */
  readonly hostname?: string;
  /** PEM file of the CA that signed the gateway's certificate; default Node's own list. */
  readonly caFile?: string;
  /** Goes on with a certificate that does not verify. */
  readonly insecure?: boolean;
  /** File with the number's SIP password; without it a challenge ends the call, and calls of the business are not challenged. */
  readonly passwordFile?: string;
  readonly keying: Keying;
  readonly codecs: readonly Codec[];
  /** Keys to press one second after the answer. */
  readonly digits?: string;
  /** From the answer to the user's hang-up. */
  readonly durationMs: number;
  readonly calls: number;
  /** The last line is one JSON object in place of the text. */
  readonly json?: boolean;
  /** Tone that the user sends; default 1000 Hz. */
  readonly toneHz?: number;
  /** IPv4 address for media; default the one from which the gateway is reached. */
  readonly mediaAddress?: string;
  readonly requestUriUserParams?: Readonly<Record<string, string>>;
  readonly ctaPayload?: string;
  readonly deeplinkPayload?: string;
}

/** An option does not make sense; the text says which, what was found and what is allowed. */
export class SimulateOptionError extends Error {
  override readonly name = 'SimulateOptionError';
}

const CALL_SPACING_MS = 100;
const TONE_HZ = 1000;

/**
 * Plays Meta's side: places calls, or takes those of the business, tells each when it is over, and returns true if all went
 * as they should and no rule of Meta was broken. Aborting hangs up. Throws SimulateOptionError, and Error for files that
 * cannot be read.
 * @param progress gets what is not a result
 */
export async function runSimulator(
  options: SimulateOptions,
  out: (line: string) => void,
  signal: AbortSignal = new AbortController().signal,
  progress: (line: string) => void = () => undefined,
): Promise<boolean> {
  check(options);
  const { connect, hostname = connect.host, caFile, insecure, passwordFile, answering } = options;
  const ca = caFile === undefined ? undefined : await readText('--ca', caFile);
  const password = passwordFile === undefined ? undefined : (await readText('--password-file', passwordFile)).trim();
  const { address } = await lookup(connect.host, { family: 4 });
  const mediaAddress = options.mediaAddress ?? (await localAddressToward(address));
  const taking = answering && (await listening(options, answering, password));
  const edge = await startMetaEdge({
    gateway: { hostname, port: connect.port, address },
    tls: { ...(ca !== undefined && { ca }), ...(insecure !== undefined && { insecure }) },
    ...taking?.edge,
  });
  const share = createMediaShare();
  const outcomes: CallOutcome[] = [];
  const told = (outcome: CallOutcome): void => {
    outcomes.push(outcome);
    if (options.json !== true) for (const line of callLines(outcomes.length, outcome)) out(line);
  };
  const setting = { password, mediaAddress, share, signal, told };
  try {
    if (answering === undefined) {
      await placeCalls(edge, options, setting);
      return tell(outcomes, edge, options, out);
    }
    const user = { ...options, toneHz: options.toneHz ?? TONE_HZ, mediaAddress, share };
    // Encoding it takes time once: not while the first call waits for its ringing.
    for (const codec of options.codecs) share.sounds.loop({ kind: 'tone', hz: user.toneHz }, codec);
    progress(`taking calls of ${options.to} on port ${edge.address?.port}; whatsapp.ca is ${taking?.caFile}`);
    await takeCalls(edge, answering, user, { calls: options.calls, signal, told });
    // Who stops it has seen enough calls.
    return tell(outcomes, edge, signal.aborted ? { ...options, calls: outcomes.length } : options, out);
  } finally {
    await edge.close();
    share.close();
  }
}

interface Setting {
  readonly password: string | undefined;
  readonly mediaAddress: string;
  readonly share: MediaShare;
  readonly signal: AbortSignal;
  readonly told: (outcome: CallOutcome) => void;
}

async function placeCalls(edge: MetaEdge, options: SimulateOptions, setting: Setting): Promise<void> {
  const { signal, told } = setting;
  const placed = Array.from({ length: options.calls }, async (_, n) => {
    await delay(n * CALL_SPACING_MS, undefined, { signal }).catch(() => undefined);
    return signal.aborted ? undefined : play(edge, options, setting);
  });
  for (const call of placed) {
    const outcome = await call;
    if (outcome !== undefined) told(outcome);
  }
}

async function play(edge: MetaEdge, options: SimulateOptions, setting: Setting): Promise<CallOutcome> {
  const { keying, codecs, toneHz = TONE_HZ } = options;
  const media = await createMediaPeer({ keying, codecs, address: setting.mediaAddress, share: setting.share });
  media.play({ kind: 'tone', hz: toneHz });
  const call = edge.call({ ...options, media, ...(setting.password !== undefined && { password: setting.password }) });
  const hangup = (): void => void call.hangup();
  setting.signal.addEventListener('abort', hangup, { once: true });
  try {
    if (await call.answered) await talk(media, options, AbortSignal.any([setting.signal, endSignal(call.ended)]));
    await call.hangup();
    return outcomeOf(call, await call.ended, await media.report());
  } finally {
    setting.signal.removeEventListener('abort', hangup);
  }
}

/** What the edge needs to take calls. */
async function listening(
  { to, keying, codecs }: SimulateOptions,
  { listen, identity }: Answering,
  password: string | undefined,
): Promise<{ readonly edge: Pick<MetaEdgeOptions, 'listen' | 'numbers'>; readonly caFile: string }> {
  const { caFile, key, certificate } = await standInIdentity(identity).catch((error: unknown) => {
    throw new SimulateOptionError(
      `--identity: cannot use "${identity}": ${error instanceof Error ? error.message : ''}`,
    );
  });
  const challenge = password === undefined ? { challenge: { algorithms: [] } } : {};
  return {
    edge: {
      listen: { address: listen.host, port: listen.port, key, certificate },
      numbers: [{ number: to, password: password ?? '', keying, codecs, ...challenge }],
    },
    caFile,
  };
}

function tell(
  outcomes: readonly CallOutcome[],
  edge: MetaEdge,
  { json, calls }: SimulateOptions,
  out: (line: string) => void,
): boolean {
  // Those of calls are told with their call.
  const ofLinks = edge.violations.filter(({ callId }) => callId === undefined);
  const good = outcomes.length === calls && ofLinks.length === 0 && outcomes.every(({ ok }) => ok);
  if (json === true) {
    const plain = outcomes.map(({ ladder: _, ...rest }) => rest);
    out(JSON.stringify({ ok: good, calls: plain, violations: ofLinks.map(({ rule }) => rule) }));
    return good;
  }
  for (const violation of ofLinks) out(violationLine(violation));
  out(summaryLine(outcomes, calls));
  return good;
}

function check({ to, from, calls, durationMs, digits, codecs }: SimulateOptions): void {
  const wrong = (option: string, found: string | number, allowed: string): never => {
    throw new SimulateOptionError(`${option}: found "${found}", allowed ${allowed}`);
  };
  if (!/^\+[1-9]\d{3,14}$/.test(to)) wrong('--to', to, 'a number such as +12145551869');
  if (!/^(?:\+[1-9]\d{3,14}|[A-Z]{2}\.\w{1,128})$/.test(from)) wrong('--from', from, 'a number or a BSUID');
  if (!Number.isInteger(calls) || calls < 1 || calls > 200) wrong('--calls', calls, '1 to 200');
  if (!(durationMs >= 0 && durationMs <= 86_400_000)) wrong('--duration', durationMs, '0 to 86400000 ms');
  if (digits !== undefined && !/^[0-9*#A-D]+$/.test(digits)) wrong('--digits', digits, '0 to 9, *, #, A to D');
  if (codecs.length === 0) wrong('--codecs', '', 'opus, PCMA, PCMU');
}

async function readText(option: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new SimulateOptionError(`${option}: cannot read "${path}": ${error instanceof Error ? error.message : ''}`);
  }
}

/** The local address that packets to `address` leave from; nothing is sent. */
async function localAddressToward(address: string): Promise<string> {
  const socket = createSocket('udp4');
  try {
    socket.connect(9, address);
    await once(socket, 'connect');
    return socket.address().address;
  } finally {
    socket.close();
  }
}
