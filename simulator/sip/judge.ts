import type { CallIdentity } from './identity.js';
import type { Report } from './rules-used.js';
import { addressUri, cseq, header, headerList, parameter, statusOf, type SipText } from './sip-text.js';

/** What responses of one call are held against. */
export interface Expectation {
  readonly id: Pick<CallIdentity, 'recordRoute'>;
  /** The hostname that Meta dialled. */
  readonly hostname: string;
}

/** Reports what is wrong with a response as Meta sees it; `vias` are the Via values its request was sent with. */
export function judgeResponse(response: SipText, vias: readonly string[], expected: Expectation, report: Report): void {
  const status = statusOf(response) ?? 0;
  judgeVias(response, vias, report);
  if (status > 100 && (parameter(header(response, 'to') ?? '', 'tag') ?? '') === '') {
    report('to-tag', response.startLine);
  }
  const method = cseq(response)?.method;
  if ((status === 401 || status === 407) && method !== 'INVITE')
    report('challenge-ack', `${status} to ${method ?? '?'}`);
  if (method !== 'INVITE') return;
  const required = headerList(response, 'require').map((tag) => tag.toLowerCase());
  if (required.includes('100rel')) report('reliable-provisional', response.startLine);
  if (status > 100 && status < 200 && response.body.trim() !== '') report('early-sdp', response.startLine);
  if (status >= 200 && status < 300) judgeAnswer(response, required, expected, report);
}

function judgeVias(response: SipText, sent: readonly string[], report: Report): void {
  const got = headerList(response, 'via');
  const [top = '', ...lower] = got;
  if (got.length !== sent.length || lower.some((value, i) => value !== sent[i + 1])) {
    report('via', `sent ${sent.length} values, got back: ${got.join(' | ')}`);
  }
  // RFC 3581 section 4; Meta's Via names another host than the one it connects from.
  if ((parameter(top, 'received') ?? '') === '' || (parameter(top, 'rport') ?? '') === '') {
    report('via', `topmost without received and rport: ${top}`);
  }
}

function judgeAnswer(
  response: SipText,
  required: readonly string[],
  { id, hostname }: Expectation,
  report: Report,
): void {
  const routes = headerList(response, 'record-route');
  const tail = routes.slice(-id.recordRoute.length);
  if (tail.length !== id.recordRoute.length || tail.some((value, i) => value !== id.recordRoute[i])) {
    report('record-route', `ends with: ${tail.join(' | ') || '(none)'}`);
  }
  const sessionExpires = header(response, 'session-expires');
  if (sessionExpires !== undefined) report('session-timer', `Session-Expires: ${sessionExpires}`);
  else if (required.includes('timer')) report('session-timer', 'Require: timer');
  if (response.body.trim() === '') report('missing-sdp', response.startLine);
  const contacts = headerList(response, 'contact');
  const uri = addressUri(contacts[0] ?? '');
  const [, host] = /^sip:(?:[^@]*@)?([^;:?]+)(?::\d+)?(?:;|$)/i.exec(uri) ?? [];
  const overTls = /;transport=tls(?:;|$)/i.test(uri);
  if (contacts.length !== 1 || host?.toLowerCase() !== hostname.toLowerCase() || !overTls) {
    report('contact', contacts.join(' | ') || '(none)');
  }
}

/** Checks where a request of the gateway within the call goes; returns the status to refuse it with, if it went wrong. */
export function judgeTarget(
  request: SipText,
  id: Pick<CallIdentity, 'contactUri' | 'recordRoute'>,
  report: Report,
): 404 | 481 | undefined {
  const [method = '', uri = ''] = request.startLine.split(' ');
  if (uri !== id.contactUri) {
    report('route', `${method} to ${uri}, not ${id.contactUri}`);
    return 404;
  }
  const routes = headerList(request, 'route');
  if (routes.length !== id.recordRoute.length || routes.some((value, i) => value !== id.recordRoute[i])) {
    report('route', `${method} with Route: ${routes.join(' | ') || '(none)'}`);
    return 481;
  }
  return undefined;
}
