/** Compact forms: RFC 3261 section 7.3.3 and the header registry. */
const COMPACT: Readonly<Record<string, string>> = {
  a: 'accept-contact',
  b: 'referred-by',
  c: 'content-type',
  d: 'request-disposition',
  e: 'content-encoding',
  f: 'from',
  i: 'call-id',
  j: 'reject-contact',
  k: 'supported',
  l: 'content-length',
  m: 'contact',
  o: 'event',
  r: 'refer-to',
  s: 'subject',
  t: 'to',
  u: 'allow-events',
  v: 'via',
  x: 'session-expires',
  y: 'identity',
};

/** Spelling of the names that are not simply capitalised after each dash. */
const IRREGULAR: Readonly<Record<string, string>> = {
  'call-id': 'Call-ID',
  cseq: 'CSeq',
  'www-authenticate': 'WWW-Authenticate',
  'mime-version': 'MIME-Version',
  rseq: 'RSeq',
  rack: 'RAck',
  'sip-etag': 'SIP-ETag',
  'sip-if-match': 'SIP-If-Match',
};

const COMMON = [
  'Accept Allow Authorization Call-ID Contact Content-Encoding Content-Length Content-Type CSeq Date Expires From',
  'Max-Forwards Min-SE P-Asserted-Identity Proxy-Authenticate Proxy-Authorization Reason Record-Route Require',
  'Retry-After Route Server Session-Expires Supported To User-Agent Via Warning WWW-Authenticate X-FB-External-Domain',
]
  .join(' ')
  .split(' ');

const KNOWN = new Map<string, string>();
for (const name of COMMON) {
  KNOWN.set(name, name.toLowerCase());
  KNOWN.set(name.toLowerCase(), name.toLowerCase());
}
for (const [short, long] of Object.entries(COMPACT)) {
  KNOWN.set(short, long);
  KNOWN.set(short.toUpperCase(), long);
}

/** Lower-case long form of a header name as written on the wire. */
export function canonicalName(written: string): string {
  return KNOWN.get(written) ?? KNOWN.get(written.toLowerCase()) ?? written.toLowerCase();
}

const SPELLED = new Map<string, string>();

/** The spelling for the wire: drachtio-srf gives most names in lower case. Letters after the first of a part stay as they are. */
export function wireName(name: string): string {
  const known = SPELLED.get(name) ?? IRREGULAR[name.toLowerCase()];
  if (known !== undefined) return known;
  const spelled = name.replace(/(^|-)([a-z])/g, (_all, dash: string, letter: string) => dash + letter.toUpperCase());
  if (SPELLED.size < 500) SPELLED.set(name, spelled);
  return spelled;
}
