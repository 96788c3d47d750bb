/** One paragraph of a Debian control file: field name in lower case → value, continuation lines joined by "\n". */
export type Stanza = ReadonlyMap<string, string>;

/**
 * Splits deb822 text (apt's `.sources`, a Release file, a Packages index) into its paragraphs.
 * Comment lines are dropped. `only` keeps the named fields (lower case), for indices of sixty megabytes.
 */
export function* parseDeb822(text: string, only?: ReadonlySet<string>): Generator<Stanza> {
  let stanza = new Map<string, string>();
  let current: string | undefined;
  for (const line of lines(text)) {
    if (line.trim() === '') {
      if (stanza.size > 0) yield stanza;
      stanza = new Map();
      current = undefined;
    } else if (line.startsWith('#')) {
      continue;
    } else if (line.startsWith(' ') || line.startsWith('\t')) {
      if (current !== undefined) stanza.set(current, `${stanza.get(current) ?? ''}\n${line.trim()}`);
    } else {
      const colon = line.indexOf(':');
      const name = line.slice(0, Math.max(colon, 0)).toLowerCase();
      current = colon > 0 && (only === undefined || only.has(name)) ? name : undefined;
      if (current !== undefined) stanza.set(current, line.slice(colon + 1).trim());
    }
  }
  if (stanza.size > 0) yield stanza;
}

function* lines(text: string): Generator<string> {
  let start = 0;
  while (start < text.length) {
    const end = text.indexOf('\n', start);
    const stop = end === -1 ? text.length : end;
    yield text.slice(start, text[stop - 1] === '\r' ? stop - 1 : stop);
    start = stop + 1;
  }
}

/** Splits a white-space separated field such as `Suites` or `URIs`. */
export function words(value: string | undefined): string[] {
  return (value ?? '').split(/\s+/).filter((word) => word !== '');
}
