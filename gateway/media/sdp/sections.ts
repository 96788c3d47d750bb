/** The media sections of an offer that are not the audio we serve: an answer names them all, in order (RFC 3264, 6). */

const MEDIA_LINE = /^m=(\S+) (\d+)(?:\/\d+)? (\S+) ([^\r\n]+)/gm;

export interface OtherSections {
  /** Refusing m= lines that come before and after the audio section. */
  readonly before: readonly string[];
  readonly after: readonly string[];
}

export const NO_OTHERS: OtherSections = { before: [], after: [] };

/** Refuses every section but the audio that `readAudio` reads: the first that is not refused itself. */
export function refusals(offer: string): OtherSections {
  const sections = [...offer.matchAll(MEDIA_LINE)];
  const served = sections.findIndex(([, type, port]) => type === 'audio' && port !== '0');
  const lines = sections.map(([, type, , protocol, formats]) => `m=${type} 0 ${protocol} ${formats}`);
  return { before: lines.slice(0, served), after: lines.slice(served + 1) };
}
