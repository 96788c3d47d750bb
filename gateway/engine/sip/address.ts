import { endOfQuoted, param } from './params.js';

/** A name-addr or addr-spec with header parameters (From, To, Contact, Route): RFC 3261 section 20.10. */
export interface Address {
  readonly uri: string;
  /** Header parameters as written, from their first `;`. */
  readonly params: string;
}

/** Parses one address; `undefined` when it is malformed. Without angle brackets all parameters belong to the header. */
export function parseAddress(value: string): Address | undefined {
  const open = openingBracket(value);
  if (open === undefined) return undefined;
  if (open >= 0) {
    const close = value.indexOf('>', open);
    if (close === -1) return undefined;
    const uri = value.slice(open + 1, close).trim();
    const params = value.slice(close + 1).trim();
    return uri === '' || (params !== '' && !params.startsWith(';')) ? undefined : { uri, params };
  }
  const semicolon = value.indexOf(';');
  const uri = (semicolon === -1 ? value : value.slice(0, semicolon)).trim();
  if (uri === '' || /[\s,<>"]/.test(uri)) return undefined;
  return { uri, params: semicolon === -1 ? '' : value.slice(semicolon) };
}

/** Index of `<` after a display name, -1 when there is none, `undefined` when a quoted name is not closed or is followed by no `<`. */
function openingBracket(value: string): number | undefined {
  const quote = value.indexOf('"');
  const open = value.indexOf('<');
  if (quote === -1 || (open !== -1 && open < quote)) {
    // A display name with a comma needs its quotes.
    return open > 0 && value.lastIndexOf(',', open) !== -1 ? undefined : open;
  }
  if (value.slice(0, quote).trim() !== '') return value.lastIndexOf(';', quote) === -1 ? undefined : -1;
  const close = endOfQuoted(value, quote);
  if (close <= quote || value.charCodeAt(close) !== 0x22) return undefined;
  const after = value.indexOf('<', close);
  return after === -1 || value.slice(close + 1, after).trim() !== '' ? undefined : after;
}

/** Tag of an address, `undefined` when it has none. */
export function tagOf(address: Address): string | undefined {
  const tag = param(address.params, 'tag');
  return tag === '' ? undefined : tag;
}
