/** The lines of SDP that say something about audio, sorted by where they stand (RFC 8866). */

/** The lines of the session, or those of one media section. */
export interface Part {
  /** `a=name:value` and `a=name`, whose value is empty, in order. */
  readonly attributes: Map<string, string[]>;
  connection?: string;
}

export interface Section extends Part {
  readonly port: number;
  readonly protocol: string;
  readonly payloadTypes: readonly string[];
}

/** Lines may end in CRLF, LF or CR (RFC 8866, 5 and 9). Others are passed over; `undefined` without `v=0`. */
export function splitSdp(sdp: string): { readonly session: Part; readonly audio: readonly Section[] } | undefined {
  const lines = (sdp.includes('\r\n') ? sdp : sdp.replaceAll(/\r|\n/g, '\r\n')).split('\r\n');
  if (!lines.includes('v=0')) return undefined;
  const session: Part = { attributes: new Map() };
  const audio: Section[] = [];
  let part = session;
  for (const line of lines) {
    if (line.startsWith('a=')) addAttribute(part, line);
    else if (line.startsWith('c=')) part.connection = line.slice(2);
    else if (line.startsWith('m=')) {
      const section = mediaLine(line);
      part = section ?? { attributes: new Map() };
      if (section !== undefined) audio.push(section);
    }
  }
  return { session, audio };
}

function addAttribute({ attributes }: Part, line: string): void {
  const colon = line.indexOf(':');
  const name = line.slice(2, colon === -1 ? undefined : colon);
  const value = colon === -1 ? '' : line.slice(colon + 1).trim();
  const before = attributes.get(name);
  if (before === undefined) attributes.set(name, [value]);
  else before.push(value);
}

/** `undefined` for anything but audio. */
function mediaLine(line: string): Section | undefined {
  const [, port, protocol = '', payloadTypes = ''] = /^m=audio (\d{1,5})(?:\/\d+)? (\S+)(?: (.*))?$/.exec(line) ?? [];
  if (port === undefined) return undefined;
  return { port: Number(port), protocol, payloadTypes: payloadTypes.split(' '), attributes: new Map() };
}

/** What follows the name, for each such attribute. */
export function values(part: Part, name: string): readonly string[] {
  return part.attributes.get(name) ?? [];
}

/** The first such attribute of the section, else of the session. */
export function valueOf(name: string, section: Section, session: Part): string | undefined {
  return section.attributes.get(name)?.[0] ?? session.attributes.get(name)?.[0];
}

/** `<payload type> <the rest>`, by payload type. */
export function byPayloadType(section: Section, name: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const value of values(section, name)) {
    const space = value.indexOf(' ');
    if (space !== -1) found.set(value.slice(0, space), value.slice(space + 1).trim());
  }
  return found;
}
