/** Just enough SIP for a load generator: messages are scanned once, and written from text. */
export interface SipMessage {
  /** Request or status line. */
  readonly startLine: string;
  /** Of a response, else 0. */
  readonly status: number;
  /** Of a request: its method. Of a response: the method of its CSeq. */
  readonly method: string;
  readonly cseq: number;
  readonly callId: string;
  /** Names in lower case, in order. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

const LONG_NAMES: Readonly<Record<string, string>> = {
  v: 'via',
  f: 'from',
  t: 'to',
  i: 'call-id',
  m: 'contact',
  l: 'content-length',
  c: 'content-type',
};

/** Reads one whole message. What is malformed yields empty fields: the peers are real SIP stacks. */
export function parseSip(text: string): SipMessage {
  const headEnd = text.indexOf('\r\n\r\n');
  const head = headEnd === -1 ? text : text.slice(0, headEnd);
  const [startLine = '', ...lines] = head.split('\r\n');
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).trimEnd().toLowerCase();
    return [LONG_NAMES[name] ?? name, line.slice(colon + 1).trim()];
  });
  const value = (wanted: string): string => headers.find(([name]) => name === wanted)?.[1] ?? '';
  const [number = '', cseqMethod = ''] = value('cseq').split(' ');
  const status = startLine.startsWith('SIP/2.0 ') ? Number(startLine.slice(8, 11)) : 0;
  return {
    startLine,
    status,
    method: status > 0 ? cseqMethod : startLine.slice(0, startLine.indexOf(' ')),
    cseq: Number(number),
    callId: value('call-id'),
    headers,
    body: headEnd === -1 ? '' : text.slice(headEnd + 4),
  };
}

/** The first value of a header, by its name in lower case. */
export function header(message: SipMessage, name: string): string {
  return message.headers.find(([one]) => one === name)?.[1] ?? '';
}

/** The URI of a name-addr or addr-spec. */
export function uriOf(address: string): string {
  const open = address.indexOf('<');
  return open === -1 ? (address.split(';')[0] ?? '') : address.slice(open + 1, address.indexOf('>', open));
}

/** The user part of the URI of a name-addr, such as the caller's number in From. */
export function userOf(address: string): string {
  const uri = uriOf(address);
  return uri.slice(uri.indexOf(':') + 1, uri.indexOf('@'));
}

/** A request or response as text, Content-Length included. */
export function formatSip(startLine: string, headers: readonly (readonly [string, string])[], body = ''): string {
  let text = `${startLine}\r\n`;
  for (const [name, value] of headers) text += `${name}: ${value}\r\n`;
  if (body !== '') text += 'Content-Type: application/sdp\r\n';
  return `${text}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

const ECHOED: Readonly<Record<string, string>> = {
  via: 'Via',
  'record-route': 'Record-Route',
  from: 'From',
  'call-id': 'Call-ID',
  cseq: 'CSeq',
};

/** A response to a request, RFC 3261 section 8.2.6.2. `toTag` is added where the request has none. */
export function respondTo(
  request: SipMessage,
  status: string,
  toTag: string,
  headers: readonly (readonly [string, string])[] = [],
  body = '',
): string {
  const echoed = request.headers.flatMap(([name, value]): [string, string][] => {
    if (name === 'to') return [['To', value.includes(';tag=') ? value : `${value};tag=${toTag}`]];
    const long = ECHOED[name];
    return long === undefined ? [] : [[long, value]];
  });
  return formatSip(`SIP/2.0 ${status}`, [...echoed, ...headers], body);
}
