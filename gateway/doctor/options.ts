/** One OPTIONS on a socket of its own (RFC 3261 11): is anybody there? Any final status says yes. */
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { lookup, resolveSrv } from 'node:dns/promises';
import { connect as connectTcp, isIPv6 } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { TrunkHost } from '../config/index.js';

export interface OptionsAnswer {
  readonly status: number;
  readonly ms: number;
  /** `10.0.0.10:5060` */
  readonly address: string;
}

export interface OptionsOptions {
  /** In From. */
  readonly hostname: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

interface Target {
  readonly address: string;
  readonly port: number;
}

const DEFAULT_PORT = { udp: 5060, tcp: 5060, tls: 5061 } as const;
/** RFC 3261 17.1.2.2, timer E. */
const REPEAT_MS = 500;

/** Rejects with an error that says who did not answer. */
export async function askOptions(host: TrunkHost, options: OptionsOptions): Promise<OptionsAnswer> {
  const limit = AbortSignal.timeout(options.timeoutMs);
  const signal = options.signal === undefined ? limit : AbortSignal.any([limit, options.signal]);
  const target = await find(host);
  const at = `${isIPv6(target.address) ? `[${target.address}]` : target.address}:${target.port}`;
  const begun = performance.now();
  const exchange = host.transport === 'udp' ? overUdp : overStream;
  try {
    const status = await exchange(host, target, options.hostname, signal);
    return { status, ms: Math.round(performance.now() - begun), address: at };
  } catch (error) {
    const why = limit.aborted ? `no answer within ${options.timeoutMs} ms` : (error as Error).message;
    throw new Error(`${at}: ${why}`, { cause: error });
  }
}

/** RFC 3263 as far as one host goes: a port that is given, else the first SRV record, else the default. */
async function find({ host, port, transport }: TrunkHost): Promise<Target> {
  const service = transport === 'tls' ? `_sips._tcp.${host}` : `_sip._${transport}.${host}`;
  const [srv] = port === undefined ? await resolveSrv(service).catch(() => []) : [];
  try {
    const { address } = await lookup(srv?.name ?? host);
    return { address, port: srv?.port ?? port ?? DEFAULT_PORT[transport] };
  } catch (error) {
    throw new Error(`${host}: no such host name`, { cause: error });
  }
}

async function overUdp(host: TrunkHost, target: Target, hostname: string, signal: AbortSignal): Promise<number> {
  const socket = createSocket(isIPv6(target.address) ? 'udp6' : 'udp4');
  let repeat: NodeJS.Timeout | undefined;
  try {
    return await new Promise<number>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
      socket.on('error', reject);
      socket.on('message', (message) => {
        const status = finalStatus(message.toString('latin1'));
        if (status !== undefined) resolve(status);
      });
      // A connected socket hears of a closed port at once.
      socket.connect(target.port, target.address, () => {
        const { address, port } = socket.address();
        const request = optionsRequest(host, target, hostname, { address, port });
        const send = (): void => socket.send(request);
        send();
        repeat = setInterval(send, REPEAT_MS);
      });
    });
  } finally {
    clearInterval(repeat);
    socket.close();
  }
}

async function overStream(host: TrunkHost, target: Target, hostname: string, signal: AbortSignal): Promise<number> {
  const { address, port } = target;
  // Whether it is there is asked, not who it is.
  const socket =
    host.transport === 'tls'
      ? connectTls({ host: address, port, rejectUnauthorized: false })
      : connectTcp({ host: address, port });
  try {
    return await new Promise<number>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
      socket.on('error', reject);
      socket.on('close', () => reject(new Error('the connection was closed')));
      let text = '';
      socket.on('data', (data: Buffer) => {
        text += data.toString('latin1');
        const status = finalStatus(text);
        if (status !== undefined) resolve(status);
        else if (text.length > 65_536) reject(new Error('no SIP response'));
      });
      socket.once(host.transport === 'tls' ? 'secureConnect' : 'connect', () => {
        const local = { address: socket.localAddress ?? '', port: socket.localPort ?? 0 };
        socket.write(optionsRequest(host, target, hostname, local));
      });
    });
  } finally {
    socket.destroy();
  }
}

function optionsRequest({ transport, host }: TrunkHost, { port }: Target, hostname: string, local: Target): string {
  const random = (): string => randomBytes(8).toString('hex');
  const literal = (name: string): string => (isIPv6(name) ? `[${name}]` : name);
  const uri = `sip:${literal(host)}:${port}${transport === 'udp' ? '' : `;transport=${transport}`}`;
  return [
    `OPTIONS ${uri} SIP/2.0`,
    `Via: SIP/2.0/${transport.toUpperCase()} ${literal(local.address)}:${local.port};rport;branch=z9hG4bK${random()}`,
    'Max-Forwards: 70',
    `From: <sip:wa-trunk@${hostname}>;tag=${random()}`,
    `To: <${uri}>`,
    `Call-ID: ${random()}`,
    'CSeq: 1 OPTIONS',
    `Contact: <sip:wa-trunk@${literal(local.address)}:${local.port}>`,
    'Accept: application/sdp',
    'Content-Length: 0',
    '\r\n',
  ].join('\r\n');
}

/** The first line that is a response is enough; 1xx is no answer yet. */
function finalStatus(text: string): number | undefined {
  return [...text.matchAll(/^SIP\/2\.0 (\d{3}) /gm)]
    .map(([, status]) => Number(status))
    .find((status) => status >= 200);
}
