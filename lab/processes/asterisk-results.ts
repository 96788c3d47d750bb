import { watch } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What the dial-plan wrote down about one call: `name=value` lines of asterisk/extensions.conf. */
export interface AsteriskCall {
  readonly extension: string;
  readonly channel: string;
  /** SIP Call-ID of the leg at Asterisk. */
  readonly callId: string;
  readonly caller: string;
  readonly callerName: string;
  /** X-WA-* headers, by name in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  /** Codec of the leg, such as `alaw` or `opus`; undefined when not answered. */
  readonly codec: string | undefined;
  /** Seconds since 1970. */
  readonly answeredAt: number | undefined;
  readonly endedAt: number | undefined;
  /** What Read() got, with the # that ended it. */
  readonly digits: string | undefined;
  readonly digitsSent: string | undefined;
  /** WAV file, 8 kHz, 16 bit, mono: what Asterisk heard. Complete when the call has ended. */
  readonly heardFile: string | undefined;
  /** Q.850 cause. */
  readonly cause: number | undefined;
  /** The channel that hung up: its own name when the caller did, empty or the dial-plan's otherwise. */
  readonly hangupSource: string | undefined;
  /** RTP figures of the leg, such as rxcount, txcount, lp (lost of the received), rxjitter. */
  readonly rtp: ReadonlyMap<string, number>;
}

/** All calls of a results folder, in the order of their beginning. */
export async function readCalls(folder: string): Promise<AsteriskCall[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.txt')).sort(byNumber);
  return Promise.all(names.map(async (name) => parseCall(await readFile(join(folder, name), 'utf8'))));
}

const byNumber = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true });

/** Reads one result file; a call under way has fewer lines. */
export function parseCall(text: string): AsteriskCall {
  const lines = new Map<string, string>();
  for (const line of text.split('\n')) {
    const equals = line.indexOf('=');
    if (equals > 0) lines.set(line.slice(0, equals).toLowerCase(), line.slice(equals + 1));
  }
  const number = (name: string): number | undefined => {
    const value = lines.get(name);
    return value === undefined ? undefined : Number(value);
  };
  return {
    extension: lines.get('extension') ?? '',
    channel: lines.get('channel') ?? '',
    callId: lines.get('callid') ?? '',
    caller: lines.get('caller') ?? '',
    callerName: lines.get('callername') ?? '',
    headers: new Map([...lines].filter(([name]) => name.startsWith('x-'))),
    codec: lines.get('codec'),
    answeredAt: number('answered'),
    endedAt: number('ended'),
    digits: lines.get('digits'),
    digitsSent: lines.get('sent'),
    heardFile: lines.get('heard'),
    cause: number('cause'),
    hangupSource: lines.get('hangupsource'),
    rtp: parseRtp(lines.get('rtcp') ?? ''),
  };
}

/** `ssrc=123;themssrc=456;lp=0;rxjitter=0.0001;…` */
function parseRtp(text: string): Map<string, number> {
  const pairs = text.split(';').map((pair) => pair.split('='));
  return new Map(pairs.flatMap(([name, value]) => (name && value ? [[name, Number(value)] as const] : [])));
}

/**
 * Waits until some call of the folder satisfies the condition, and returns it.
 * @throws Error after `timeoutMs` with what was there
 */
export async function awaitCall(
  folder: string,
  condition: (call: AsteriskCall) => boolean,
  timeoutMs: number,
): Promise<AsteriskCall> {
  const timeout = AbortSignal.timeout(timeoutMs);
  let wake: () => void = () => undefined;
  const watcher = watch(folder, { signal: timeout }, () => wake());
  watcher.on('error', () => undefined);
  timeout.addEventListener('abort', () => wake());
  try {
    for (;;) {
      const changed = new Promise<void>((resolve) => (wake = resolve));
      const calls = await readCalls(folder);
      const found = calls.find(condition);
      if (found !== undefined) return found;
      if (timeout.aborted) {
        const seen = calls.map(
          (call) => `${call.extension} from ${call.caller}, ended at ${call.endedAt ?? 'no time'}`,
        );
        throw new Error(`no such call at Asterisk in ${timeoutMs} ms; it has: ${seen.join('; ') || 'none'}`);
      }
      await changed;
    }
  } finally {
    watcher.close();
  }
}

/** A key that Asterisk received: when it ended, and for how long it was pressed as Asterisk understood it. */
export interface ReceivedDigit {
  readonly digit: string;
  readonly durationMs: number;
}

/** The keys that a channel received, from the `dtmf` lines of Asterisk's log. */
export function receivedDigits(log: string, channel: string): ReceivedDigit[] {
  return [...log.matchAll(/DTMF end '(.)' received on (\S+), duration (\d+) ms/g)]
    .filter((match) => match[2] === channel)
    .map((match) => ({ digit: match[1] ?? '', durationMs: Number(match[3]) }));
}
