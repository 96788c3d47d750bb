/**
 * Value of a parameter in text such as `;tag=1;lr;x="a;b"` (names without regard to case).
 * @returns the value as written (quotes kept), `''` for a parameter without one, `undefined` when absent.
 */
export function param(text: string, name: string): string | undefined {
  let at = text.indexOf(';');
  while (at !== -1) {
    const end = endOfParam(text, at + 1);
    let nameEnd = text.indexOf('=', at + 1);
    if (nameEnd === -1 || nameEnd > end) nameEnd = end;
    if (sameToken(text.slice(at + 1, nameEnd).trim(), name)) return text.slice(nameEnd + 1, end).trim();
    at = end < text.length ? end : -1;
  }
  return undefined;
}

/** Index of the `;` that ends the parameter beginning at `from`, or the length of the text. Quoted strings are stepped over. */
export function endOfParam(text: string, from: number): number {
  for (let i = from; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x3b) return i;
    if (c === 0x22) i = endOfQuoted(text, i);
  }
  return text.length;
}

/** Index of the quote that closes the one at `open`, or the last index of the text when none does. */
export function endOfQuoted(text: string, open: number): number {
  for (let i = open + 1; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x5c) i++;
    else if (c === 0x22) return i;
  }
  return text.length - 1;
}

/** Comparison of tokens without regard to case (RFC 3261 section 7.3.1). */
export function sameToken(a: string, b: string): boolean {
  return a.length === b.length && (a === b || a.toLowerCase() === b.toLowerCase());
}

/** Splits a header value at its commas, those within quotes and angle brackets excepted. Empty items are left out. */
export function splitList(value: string): string[] {
  if (!value.includes(',')) return value === '' ? [] : [value];
  const items: string[] = [];
  let start = 0;
  let inBrackets = false;
  for (let i = 0; i < value.length; i++) {
    const c = value.charCodeAt(i);
    if (c === 0x22 && !inBrackets) i = endOfQuoted(value, i);
    else if (c === 0x3c) inBrackets = true;
    else if (c === 0x3e) inBrackets = false;
    else if (c === 0x2c && !inBrackets) {
      items.push(value.slice(start, i).trim());
      start = i + 1;
    }
  }
  items.push(value.slice(start).trim());
  return items.filter((item) => item !== '');
}
