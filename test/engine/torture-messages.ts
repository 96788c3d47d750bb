/**
 * What the torture messages of RFC 4475 are about, each in a message of its own: names and sections are the RFC's.
 * `valid` must be understood; `status` is the answer to an invalid one; `dropped` gets none.
 */
export interface TortureMessage {
  name: string;
  section: string;
  text: string;
  expect: { valid: true } | { status: number } | { dropped: true };
}

const BODY =
  'v=0\r\no=- 29739 7272939 IN IP4 192.0.2.3\r\ns=-\r\nc=IN IP4 192.0.2.4\r\nt=0 0\r\nm=audio 49217 RTP/AVP 0\r\n';

interface Parts {
  start?: string;
  via?: string;
  from?: string;
  to?: string;
  callId?: string;
  cseq?: string;
  more?: string[];
  length?: string;
  body?: string;
}

/** An OPTIONS with some lines replaced. `''` leaves a line out. */
function message(name: string, parts: Parts): string {
  const start = parts.start ?? 'OPTIONS sip:user@example.com SIP/2.0';
  const method = start.split(' ')[0] ?? '';
  const lines = [
    parts.via ?? `Via: SIP/2.0/UDP host.example.com;rport;branch=z9hG4bK${name}`,
    'Max-Forwards: 70',
    parts.from ?? 'From: <sip:caller@example.net>;tag=323',
    parts.to ?? 'To: <sip:user@example.com>',
    parts.callId ?? `Call-ID: ${name}.torture`,
    parts.cseq ?? `CSeq: 60 ${method}`,
    ...(parts.more ?? []),
    parts.length ?? `Content-Length: ${(parts.body ?? '').length}`,
  ];
  return [start, ...lines.filter((line) => line !== ''), '', parts.body ?? ''].join('\r\n');
}

function valid(name: string, section: string, parts: Parts): TortureMessage {
  return { name, section, text: message(name, parts), expect: { valid: true } };
}

function invalid(name: string, section: string, status: number, parts: Parts): TortureMessage {
  return { name, section, text: message(name, parts), expect: { status } };
}

const WSINV = [
  'INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0',
  'TO :',
  ' sip:vivekg@chair-dnrc.example.com ;   par    = 1918181833n',
  'from   : "J Rosenberg \\\\\\""       <sip:jdrosen@example.com>',
  '  ;',
  '  tag = 98asjd8',
  'MaX-fOrWaRdS: 0068',
  'Call-ID: wsinv.ndaksdj@192.0.2.1',
  `Content-Length   : ${BODY.length}`,
  'cseq: 0009',
  '  INVITE',
  'Via  : SIP  /   2.0',
  ' /UDP',
  '    192.0.2.2;rport;branch=390skdjuw',
  's :',
  'NewFangledHeader:   newfangled value',
  ' continued newfangled value',
  'UnknownHeaderWithUnusualValue: ;;,,;;,;',
  'Content-Type: application/sdp',
  'Route:',
  ' <sip:services.example.com;lr;unknownwith=value;unknown-no-value>',
  'v:  SIP  / 2.0  / TCP     spindle.example.com   ;',
  '  branch  =   z9hG4bK9ikj8  ,',
  ' SIP  /    2.0   / UDP  192.168.255.111   ; branch=',
  ' z9hG4bK30239',
  'm:"Quoted string \\"\\"" <sip:jdrosen@example.com> ; newparam =',
  '      newvalue ;',
  '  secondparam ; q = 0.33',
  '',
  BODY,
].join('\r\n');

const LONG = 'longheadervalue'.repeat(150);

export const TORTURE: TortureMessage[] = [
  { name: 'wsinv', section: '3.1.1.1', text: WSINV, expect: { valid: true } },
  valid('intmeth', '3.1.1.2', {
    start:
      "!interesting-Method0123456789_*+`.%indeed'~ sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com SIP/2.0",
    to: 'To: "BEL:\\\x07 NUL:\\\x00 DEL:\\\x7F" <sip:1_unusual.URI~(to-be!sure)&isn\'t+it$/crazy?,/;;*@example.com>',
    from: "From: token1~` token2'+_ token3*%!.- <sip:mundane@example.com>;fromParam''~+*_!.-%=\"\xD1\x80\xD0\xB0\";tag=_token~1'+`*%!-.",
    callId: 'Call-ID: intmeth.word%ZK-!.*_+\'@word`~)(><:\\/"][?}{',
    more: ["extensionHeader-!.%*+_`'~:\xEF\xBB\xBF\xE5\xA4\xA7\xE5\x81\x9C\xE9\x9B\xBB"],
  }),
  valid('esc01', '3.1.1.3', { start: 'OPTIONS sip:sips%3Auser%40example.com@example.net SIP/2.0' }),
  valid('escnull', '3.1.1.4', {
    to: 'To: sip:null-%00-null@example.com',
    from: 'From: sip:null-%00-null@example.com;tag=8',
  }),
  valid('esc02', '3.1.1.5', {
    start: 'RE%47IST%45R sip:registrar.example.com SIP/2.0',
    to: 'To: "%Z%45" <sip:resource@example.com>',
  }),
  valid('lwsdisp', '3.1.1.6', { from: 'From: caller<sip:caller@example.com>;tag=323' }),
  valid('longreq', '3.1.1.7', {
    to: `To: "I have a user name of ${'extreme '.repeat(20)}proportion"<sip:user@example.com:6000;unknownparam1=${LONG};${LONG}=x>`,
    from: `From: sip:${'amazinglylongcallername'.repeat(7)}@example.net;tag=12982982982982982984${'2'.repeat(200)};${LONG}=a;flag`,
    callId: `Call-ID: longreq.one${'really'.repeat(30)}longcallid`,
    more: [
      ...Array.from({ length: 34 }, (_v, i) => `v: SIP/2.0/TCP sip${i}.example.com`),
      `Unknown-${'Long'.repeat(20)}-Name: ${LONG}`,
      'Contact: <sip:amazinglylongcallername@host5.example.net>',
    ],
  }),
  {
    name: 'dblreq',
    section: '3.1.1.8',
    text: `${message('dblreq', {})}INVITE sip:joe@example.com SIP/2.0\r\nt: <sip:joe@example.com>\r\nContent-Length: 0\r\n\r\n`,
    expect: { valid: true },
  },
  valid('semiuri', '3.1.1.9', { start: 'OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0' }),
  valid('transports', '3.1.1.10', {
    via: 'Via: SIP/2.0/UDP t1.example.com;rport;branch=z9hG4bKkdjuw',
    more: [
      'Via: SIP/2.0/SCTP t2.example.com;branch=z9hG4bKklasjdhf',
      'Via: SIP/2.0/TLS t3.example.com;branch=z9hG4bK2980unddj',
      'Via: SIP/2.0/UNKNOWN t4.example.com;branch=z9hG4bKasd0f3en',
      'Via: SIP/2.0/TCP t5.example.com;branch=z9hG4bK0a9idfnee',
    ],
  }),
  valid('mpart01', '3.1.1.11', {
    start: 'MESSAGE sip:kumiko@example.org SIP/2.0',
    more: ['Content-Type: multipart/mixed;boundary=7a9cbec02ceef655'],
    body: '--7a9cbec02ceef655\r\nContent-Type: text/plain\r\n\r\nHello\r\n--7a9cbec02ceef655\r\nContent-Type: application/octet-stream\r\n\r\n\x30\x82\x00\xFF\xFE\r\n--7a9cbec02ceef655--',
  }),
  // Its Via does not say whom to answer.
  {
    name: 'badinv01',
    section: '3.1.2.1',
    text: message('badinv01', { via: 'Via: SIP/2.0/UDP 192.0.2.15;;,;,,' }),
    expect: { dropped: true },
  },
  invalid('clerr', '3.1.2.2', 400, { length: 'Content-Length: 9999', body: BODY }),
  invalid('ncl', '3.1.2.3', 400, { length: 'Content-Length: -999', body: BODY }),
  invalid('scalar02', '3.1.2.4', 400, { cseq: 'CSeq: 36893488147419103232 OPTIONS' }),
  invalid('quotbal', '3.1.2.6', 400, { to: 'To: "Mr. J. User <sip:j.user@example.com>' }),
  invalid('ltgtruri', '3.1.2.7', 400, { start: 'OPTIONS <sip:user@example.com> SIP/2.0' }),
  invalid('lwsruri', '3.1.2.8', 400, { start: 'OPTIONS sip:user@example.com; lr SIP/2.0' }),
  invalid('lwsstart', '3.1.2.9', 400, { start: 'OPTIONS  sip:user@example.com  SIP/2.0', cseq: 'CSeq: 8 OPTIONS' }),
  invalid('trws', '3.1.2.10', 400, { start: 'OPTIONS sip:remote-target@example.com SIP/2.0  ' }),
  invalid('escruri', '3.1.2.11', 400, { start: 'OPTIONS sip:user@example.com?Route=%3Csip:example.com%3E SIP/2.0' }),
  invalid('baddn', '3.1.2.15', 400, { from: 'From: Bell, Alexander <sip:a.g.bell@example.com>;tag=433423' }),
  invalid('badvers', '3.1.2.16', 505, { start: 'OPTIONS sip:t.watson@example.org SIP/7.0' }),
  invalid('mismatch01', '3.1.2.17', 400, { cseq: 'CSeq: 8 INVITE' }),
  invalid('mismatch02', '3.1.2.18', 400, { start: 'NEWMETHOD sip:user@example.com SIP/2.0', cseq: 'CSeq: 8 INVITE' }),
  {
    name: 'bigcode',
    section: '3.1.2.19',
    text: message('bigcode', { start: 'SIP/2.0 4294967301 better not break the receiver' }),
    expect: { dropped: true },
  },
  {
    name: 'scalarlg',
    section: '3.1.2.5',
    text: message('scalarlg', {
      start: 'SIP/2.0 503 Service Unavailable',
      cseq: 'CSeq: 9292394834772304023312 OPTIONS',
    }),
    expect: { dropped: true },
  },
  {
    name: 'unreason',
    section: '3.1.1.12',
    text: message('unreason', { start: 'SIP/2.0 200 = 2**3 * 5**2 \xD0\xBD\xD0\xBE' }),
    expect: { dropped: true },
  },
  {
    name: 'noreason',
    section: '3.1.1.13',
    text: message('noreason', { start: 'SIP/2.0 100 ' }),
    expect: { dropped: true },
  },
  valid('badbranch', '3.2.1', { via: 'Via: SIP/2.0/UDP 192.0.2.1;rport;branch=z9hG4bK' }),
  {
    name: 'insuf',
    section: '3.3.1',
    text: message('insuf', { from: '', to: '', callId: '' }),
    expect: { dropped: true },
  },
  invalid('unkscm', '3.3.2', 416, { start: 'OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0' }),
  invalid('novelsc', '3.3.3', 416, { start: 'OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0' }),
  valid('unksm2', '3.3.4', { to: 'To: isbn:2983792873', from: 'From: <http://www.example.com>;tag=3234233' }),
  invalid('bext01', '3.3.5', 420, { more: ['Require: nothingSupportsThis, nothingSupportsThisEither'] }),
  valid('invut', '3.3.6', { more: ['Content-Type: application/unknownformat'], body: '<audio>\r\n</audio>\r\n' }),
  invalid('multi01', '3.3.8', 400, { more: ['From: sip:user@example.com;tag=239923mnsadf', 'CSeq: 8 OPTIONS'] }),
  invalid('mcl01', '3.3.9', 400, { more: ['Content-Length: 13'], length: 'Content-Length: 5', body: 'hello' }),
  {
    name: 'bcast',
    section: '3.3.10',
    text: message('bcast', { start: 'SIP/2.0 200 OK', via: 'Via: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923' }),
    expect: { dropped: true },
  },
  valid('cparam01', '3.3.12', { more: ['Contact: sip:+19725552222@gw1.example.net;unknownparam'] }),
  valid('regescrt', '3.3.14', { more: ['Contact: <sip:user@example.com?Route=%3Csip:sip.example.com%3E>'] }),
  valid('inv2543', '3.4.1', {
    via: 'Via: SIP/2.0/UDP iftgw.example.com;rport',
    from: 'From: <sip:+13035551111@ift.client.example.net;user=phone>',
    to: 'To: sip:UserB@server.example.com',
  }),
];
