import { isIP } from 'node:net';
import type { Report } from '../rules-used.js';
import { addressUri, canonicalName, header, headerList, parameter, type SipText } from '../sip-text.js';
import type { BusinessNumber } from './number.js';
import { FAULTS, foreignServer, type FinalRefusal } from './refusals.js';

const NO_PHONE_NUMBER_ID = '106540352242922';
const NUMBER = /^\+[1-9]\d{3,14}$/;
const BSUID = /^[A-Z]{2}\.\w{1,128}$/;

/** What a well-made INVITE to Meta carries; the rest comes from a PBX. P-Asserted-Identity is known to be tolerated. */
const EXPECTED_HEADERS = new Set(
  'via route record-route max-forwards from to contact call-id cseq allow supported require user-agent content-type \
content-length content-disposition accept proxy-authorization p-asserted-identity session-expires min-se date'.split(
    ' ',
  ),
);

/** Who calls whom; `number` is undefined where Meta knows no such number. */
export interface InviteParties {
  readonly from: string;
  readonly to: string;
  readonly toUri: string;
  readonly number: BusinessNumber | undefined;
}

/** Reads who calls whom. */
export function partiesOf(invite: SipText, numbers: ReadonlyMap<string, BusinessNumber>): InviteParties {
  const toUri = addressUri(header(invite, 'to') ?? '');
  const from = userOf(addressUri(header(invite, 'from') ?? ''));
  const number = numbers.get(from.startsWith('+') ? from : `+${from}`);
  return { from, to: userOf(toUri), toUri, number };
}

/** Reports what is wrong with an INVITE before anybody is asked for a password; returns how Meta refuses it, if it does. */
export function judgeInvite(
  invite: SipText,
  { from, to, number }: InviteParties,
  hostname: string,
  report: Report,
): FinalRefusal | undefined {
  const refusals = [
    judgeForm(invite, report),
    judgeRequestUri(invite, report),
    judgePlus(from, to, invite, report),
    judgeFrom(invite, number, hostname, report),
    judgeExtensions(invite, report),
  ];
  judgeContact(invite, hostname, report);
  const foreign = invite.headers.map(([name]) => name).filter((name) => !EXPECTED_HEADERS.has(canonicalName(name)));
  if (foreign.length > 0) report('pbx-headers', foreign.join(', '));
  return refusals.find((refusal) => refusal !== undefined);
}

function judgeForm(invite: SipText, report: Report): FinalRefusal | undefined {
  const missing = ['from', 'to', 'contact', 'via', 'max-forwards'].filter((name) => header(invite, name) === undefined);
  if ((parameter(header(invite, 'from') ?? '', 'tag') ?? '') === '') missing.push('From tag');
  if (missing.length === 0) return undefined;
  report('malformed', `INVITE without ${missing.join(', ')}`);
  return FAULTS['bad-request'];
}

function judgeRequestUri(invite: SipText, report: Report): FinalRefusal | undefined {
  const [, uri = ''] = invite.startLine.split(' ');
  const to = addressUri(header(invite, 'to') ?? '');
  if (/^sips:/i.test(uri)) {
    report('uri-sips', uri);
    return FAULTS['not-found'];
  }
  const host = hostOf(uri);
  if (isIP(host.replace(/^\[|\]$/g, '')) !== 0) {
    report('uri-ip', uri);
    return FAULTS['uri-ip'];
  }
  if (host.toLowerCase() !== 'wa.meta.vc') {
    report('uri-host', uri);
    return FAULTS['not-found'];
  }
  if (uri !== to) report('auth-uri', `request-URI ${uri}, To ${to}`);
  return undefined;
}

function judgePlus(from: string, to: string, invite: SipText, report: Report): FinalRefusal | undefined {
  const [, uri = ''] = invite.startLine.split(' ');
  const callees = [userOf(uri), to];
  if (NUMBER.test(from) && callees.every((user) => NUMBER.test(user) || BSUID.test(user))) return undefined;
  report('plus', `from ${from || '(none)'} to ${callees.join(', To ') || '(none)'}`);
  return FAULTS.plus;
}

/** The From host is the configured hostname, or a domain that the hostname lies in. */
function judgeFrom(
  invite: SipText,
  number: BusinessNumber | undefined,
  hostname: string,
  report: Report,
): FinalRefusal | undefined {
  const host = hostOf(addressUri(header(invite, 'from') ?? '')).toLowerCase();
  const configured = hostname.toLowerCase();
  const parent = host.includes('.') && configured.endsWith(`.${host}`);
  if (number === undefined) {
    report('from-number', header(invite, 'from') ?? '');
    return FAULTS['from-number'];
  }
  if (host === configured || parent) return undefined;
  report('from-host', host);
  return foreignServer(host, number.phoneNumberId ?? NO_PHONE_NUMBER_ID);
}

function judgeExtensions(invite: SipText, report: Report): FinalRefusal | undefined {
  const required = headerList(invite, 'require').map((tag) => tag.toLowerCase());
  const expires = header(invite, 'session-expires');
  if (expires !== undefined) report('session-timer', `Session-Expires: ${expires}`);
  else if (required.includes('timer')) report('session-timer', 'Require: timer');
  if (required.includes('100rel')) report('reliable-provisional', 'Require: 100rel');
  // RFC 3261 section 8.2.2.3; `timer` is the one extension that Meta names.
  return required.some((tag) => tag !== 'timer') ? FAULTS.extension : undefined;
}

function judgeContact(invite: SipText, hostname: string, report: Report): void {
  const contacts = headerList(invite, 'contact');
  const uri = addressUri(contacts[0] ?? '');
  const usable = /^sip:/i.test(uri) && /;transport=tls(?:;|$)/i.test(uri);
  if (contacts.length === 1 && usable && hostOf(uri).toLowerCase() === hostname.toLowerCase()) return;
  report('contact', contacts.join(' | ') || '(none)');
}

function userOf(uri: string): string {
  return /^sips?:([^@;]*)(?:;[^@]*)?@/i.exec(uri)?.[1] ?? '';
}

function hostOf(uri: string): string {
  return /^sips?:(?:[^@]*@)?(\[[^\]]*\]|[^;:?]*)/i.exec(uri)?.[1] ?? '';
}
