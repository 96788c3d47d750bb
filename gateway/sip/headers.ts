/** Header values: what may be written into a SIP message, and the small grammars that several headers share. */

/** Header name to value. A header that occurs several times is one value, its parts joined by commas (RFC 3261 7.3.1). */
export type Headers = Readonly<Record<string, string>>;

/** A list becomes as many header lines: WWW-Authenticate and its like cannot be joined (RFC 3261 20.44). */
export type HeaderLines = Readonly<Record<string, string | readonly string[]>>;

/** Parameters after `;`, names in lower case; a parameter without a value maps to ''. */
export type Params = ReadonlyMap<string, string>;

export interface NameAddr {
  /** Unquoted; undefined when absent. */
  readonly displayName: string | undefined;
  /** As written, without brackets. */
  readonly uri: string;
  /** Header parameters (such as `tag`), not those of the URI. */
  readonly params: Params;
}

// C0, DEL, C1 and the two Unicode line separators: none of them has business in a header value.
// eslint-disable-next-line no-control-regex
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g;
const TOKEN = /^[A-Za-z0-9\-.!%*_+`'~]+$/;
const DISPLAY_TOKENS = /^[A-Za-z0-9\-.!%*_+`'~]+(?: [A-Za-z0-9\-.!%*_+`'~]+)*$/;

export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/** Makes any text safe as a header value: runs of control characters (CR and LF above all) become one space. */
export function cleanValue(text: string): string {
  return text.replace(CONTROLS, ' ').trim();
}

/**
 * Headers as they may go out. Values are cleaned, so a value taken from a peer can start no header of its own.
 * A name that is no token is a fault of the program. drachtio-srf keeps one value a name and writes it as it is, so the
 * lines of a list stand in one value.
 * @throws TypeError naming the header
 */
export function cleanHeaders(headers: HeaderLines): Record<string, string> {
  const clean: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (!isToken(name))
      throw new TypeError(`header name ${JSON.stringify(name)}: allowed are the characters of a token`);
    const values = typeof value === 'string' ? [value] : value;
    if (values.length > 0) clean[name] = values.map(cleanValue).join(`\r\n${name}: `);
  }
  return clean;
}

/** A quoted-string (RFC 3261 25.1) of any text: control characters are taken out, `"` and `\` escaped. */
export function quote(text: string): string {
  return `"${cleanValue(text).replace(/["\\]/g, '\\$&')}"`;
}

/** The text of a quoted-string; text that is not quoted comes back as it is. */
export function unquote(text: string): string {
  if (text.length < 2 || !text.startsWith('"') || !text.endsWith('"')) return text;
  return text.slice(1, -1).replace(/\\([\s\S])/g, '$1');
}

/**
 * Splits at a separator that is neither in a quoted-string nor between `<` and `>`. Parts are trimmed, empty ones left out.
 */
export function splitOutside(value: string, separator: ',' | ';'): string[] {
  const parts: string[] = [];
  let start = 0;
  let quoted = false;
  let bracket = false;
  for (let i = 0; i < value.length; i++) {
    const c = value[i];
    if (quoted) {
      if (c === '\\') i++;
      else if (c === '"') quoted = false;
    } else if (c === '"') quoted = true;
    else if (c === '<') bracket = true;
    else if (c === '>') bracket = false;
    else if (c === separator && !bracket) {
      parts.push(value.slice(start, i));
      start = i + 1;
    }
  }
  parts.push(value.slice(start));
  return parts.map((part) => part.trim()).filter((part) => part !== '');
}

/** Parameters of a header: `;tag=x;lr;text="a;b"`. The first of two equal names counts. */
export function parseParams(text: string): Params {
  const params = new Map<string, string>();
  for (const part of splitOutside(text, ';')) {
    const equals = part.indexOf('=');
    const name = (equals < 0 ? part : part.slice(0, equals)).trim().toLowerCase();
    if (!params.has(name)) params.set(name, equals < 0 ? '' : unquote(part.slice(equals + 1).trim()));
  }
  return params;
}

export function formatParams(params: Params | undefined): string {
  let text = '';
  for (const [name, value] of params ?? []) {
    if (!isToken(name))
      throw new TypeError(`parameter name ${JSON.stringify(name)}: allowed are the characters of a token`);
    text += value === '' ? `;${name}` : `;${name}=${isToken(value) ? value : quote(value)}`;
  }
  return text;
}

/**
 * One name-addr or addr-spec, as in From, To, Contact (RFC 3261 20.10). In the form without brackets, parameters belong
 * to the header, not to the URI. Undefined when the text is neither.
 */
export function parseNameAddr(value: string): NameAddr | undefined {
  const text = value.trim();
  const open = bracketIndex(text);
  if (open < 0) {
    const [uri, ...rest] = text.split(';');
    if (uri === undefined || !/^[A-Za-z][A-Za-z0-9+.-]*:\S+$/.test(uri.trim())) return undefined;
    return { displayName: undefined, uri: uri.trim(), params: parseParams(rest.join(';')) };
  }
  const close = text.indexOf('>', open);
  const uri = close < 0 ? '' : text.slice(open + 1, close).trim();
  const rest = text.slice(close + 1).trim();
  if (uri === '' || (rest !== '' && !rest.startsWith(';'))) return undefined;
  const name = text.slice(0, open).trim();
  if (name.startsWith('"') && !/^"(?:[^"\\]|\\[\s\S])*"$/.test(name)) return undefined;
  return { displayName: name === '' ? undefined : unquote(name), uri, params: parseParams(rest) };
}

/** Index of the `<` that opens the URI, outside any quoted display name; -1 when there is none. */
function bracketIndex(text: string): number {
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quoted && c === '\\') i++;
    else if (c === '"') quoted = !quoted;
    else if (c === '<' && !quoted) return i;
  }
  return -1;
}

/** Always with brackets, so that no URI parameter turns into one of the header. */
export function formatNameAddr(value: { displayName?: string | undefined; uri: string; params?: Params }): string {
  if (/[^\x21-\x7e]|[<>"]/.test(value.uri)) throw new TypeError(`URI ${JSON.stringify(value.uri)}: not a URI`);
  const name = cleanValue(value.displayName ?? '');
  const shown = name === '' ? '' : `${DISPLAY_TOKENS.test(name) ? name : quote(name)} `;
  return `${shown}<${value.uri}>${formatParams(value.params)}`;
}

/** Reason (RFC 3326): protocol such as `Q.850` or `SIP`, a cause of it and a text. */
export interface Reason {
  readonly protocol: string;
  readonly cause: number | undefined;
  readonly text: string | undefined;
}

/** All values of a Reason header, in their order. */
export function parseReasons(value: string): Reason[] {
  return splitOutside(value, ',').map((one) => {
    const [protocol = '', ...rest] = splitOutside(one, ';');
    const params = parseParams(rest.join(';'));
    const cause = params.get('cause');
    return {
      protocol,
      cause: cause !== undefined && /^\d{1,3}$/.test(cause) ? Number(cause) : undefined,
      text: params.get('text'),
    };
  });
}

export function formatReason(reason: { protocol: 'Q.850' | 'SIP'; cause: number; text?: string }): string {
  return `${reason.protocol};cause=${reason.cause}${reason.text === undefined ? '' : `;text=${quote(reason.text)}`}`;
}
