/** A SIP message as its lines: what the stand-in needs to shape what it sends and to judge what it gets. */
export interface SipText {
  startLine: string;
  /** In wire order, names as written, values unfolded and trimmed. */
  headers: (readonly [name: string, value: string])[];
  body: string;
}

const COMPACT_FORMS: Readonly<Record<string, string>> = {
  c: 'content-type',
  f: 'from',
  i: 'call-id',
  k: 'supported',
  l: 'content-length',
  m: 'contact',
  r: 'refer-to',
  t: 'to',
  v: 'via',
  x: 'session-expires',
};

/** The full lower-case name of a header, whatever its spelling (RFC 3261 section 7.3.3). */
export function canonicalName(name: string): string {
  const lower = name.toLowerCase();
  return COMPACT_FORMS[lower] ?? lower;
}

/** Splits a message into its lines; undefined if it has no blank line after the header or a line without a colon. */
export function parseSipText(raw: string): SipText | undefined {
  const blank = raw.indexOf('\r\n\r\n');
  if (blank < 0) return undefined;
  const [startLine = '', ...lines] = raw
    .slice(0, blank)
    .replace(/\r\n[ \t]+/g, ' ')
    .split('\r\n');
  const headers: [string, string][] = [];
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon <= 0) return undefined;
    headers.push([line.slice(0, colon).trim(), line.slice(colon + 1).trim()]);
  }
  return { startLine, headers, body: raw.slice(blank + 4) };
}

/** Writes a message; Content-Length is computed here, in bytes. */
export function formatSipText({ startLine, headers, body }: SipText): string {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return `${startLine}\r\n${lines}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

/** The first value of a header, by its full name in lower case. */
export function header(message: SipText, name: string): string | undefined {
  return message.headers.find(([n]) => canonicalName(n) === name)?.[1];
}

/** The lines of a header, by its full name in lower case, each as it was written. */
export function headerLines(message: SipText, name: string): string[] {
  return message.headers.filter(([n]) => canonicalName(n) === name).map(([, value]) => value);
}

/** All values of a list header, by its full name in lower case; lines with several values are split. */
export function headerList(message: SipText, name: string): string[] {
  return headerLines(message, name).flatMap(splitList);
}

/** Splits at the commas that are neither in quotes nor in angle brackets. */
function splitList(value: string): string[] {
  if (!value.includes(',')) return [value];
  const items: string[] = [];
  let start = 0;
  let quoted = false;
  let bracketed = false;
  for (let i = 0; i < value.length; i++) {
    const c = value[i];
    if (c === '"' && value[i - 1] !== '\\') quoted = !quoted;
    else if (!quoted && c === '<') bracketed = true;
    else if (!quoted && c === '>') bracketed = false;
    else if (!quoted && !bracketed && c === ',') {
      items.push(value.slice(start, i).trim());
      start = i + 1;
    }
  }
  items.push(value.slice(start).trim());
  return items;
}

/** `tag`, `branch`, … of a header value: the parameters after the address or sent-by, values unquoted or ''. */
export function parameter(value: string, name: string): string | undefined {
  const afterAddress = value.slice(value.lastIndexOf('>') + 1);
  const match = new RegExp(`;\\s*${name}\\s*(?:=\\s*([^;\\s]*))?(?=\\s*(?:;|$))`, 'i').exec(afterAddress);
  return match ? (match[1] ?? '') : undefined;
}

/** The URI of a name-addr or addr-spec, as written. */
export function addressUri(value: string): string {
  return /<([^>]*)>/.exec(value)?.[1] ?? (value.split(';')[0] ?? '').trim();
}

/** Method and sequence number of a message's CSeq. */
export function cseq(message: SipText): { number: number; method: string } | undefined {
  const match = /^(\d+)\s+(\S+)$/.exec(header(message, 'cseq') ?? '');
  return match ? { number: Number(match[1]), method: match[2] ?? '' } : undefined;
}

/** The status code of a response's start line; undefined for a request. */
export function statusOf(message: SipText): number | undefined {
  const match = /^SIP\/2\.0 (\d{3})/.exec(message.startLine);
  return match ? Number(match[1]) : undefined;
}
