/** How Meta refuses a call of the business: the text is the reason phrase, and comes again in a Warning header. */
export interface Refusal {
  readonly status: number;
  readonly reason: string;
  /** Meta's page has this text for SIP; without it the text is put together from the error table of its Graph API. */
  readonly documented: boolean;
}

/**
 * Refusals by stable id. Documented texts are those of Meta's SIP error table (troubleshooting page of June 2026), with
 * numbers and names filled in. The others are assumed: the table names the case, or only the Graph API does, and the text
 * follows the one pattern that is known from SIP, "title: description".
 */
export const REFUSALS = {
  'no-permission': {
    status: 403,
    reason: 'No Approved Call Permission Found: No approved call permission from the recipient',
    documented: true,
  },
  'daily-limit': { status: 403, reason: 'Business Initiated Connected Call Per Day Limit Hit', documented: true },
  country: {
    status: 403,
    reason:
      'Business-initiated calling is not available: ' +
      'Business-initiated calling is not available for this business account phone number',
    documented: false,
  },
  app: {
    status: 403,
    reason:
      'The app 1234567890123456 configured for SIP server `example.com` is not authorized for phone number id 106540352242922',
    documented: true,
  },
  hostname: {
    status: 403,
    reason:
      'SIP server foo.com from INVITE does not match any SIP server configured for phone number id 106540352242922',
    documented: true,
  },
  payment: { status: 403, reason: 'Business eligibility payment issue', documented: false },
  duplicate: {
    status: 403,
    reason: 'Duplicate call: A call is already ongoing with the receiver',
    documented: false,
  },
  'no-answer': { status: 480, reason: 'Temporarily Unavailable', documented: true },
  declined: { status: 486, reason: 'User declined the call', documented: true },
  'rtp-timeout': { status: 408, reason: 'RTP Timeout', documented: true },
  'rate-limit': {
    status: 403,
    reason:
      'Call rate limit exceeded: Limit reached for maximum calls that can be initiated by the business phone number',
    documented: false,
  },
  unavailable: { status: 503, reason: 'Service Unavailable', documented: true },
  /** A text that no catalogue has. */
  unknown: { status: 403, reason: 'Call held for review by integrity pipeline 7F3A', documented: false },
} as const satisfies Record<string, Refusal>;

export type RefusalId = keyof typeof REFUSALS;

/** What Meta answers to an INVITE with a fault, whoever is called. */
export const FAULTS = {
  'bad-request': { status: 400, reason: 'Bad Request' },
  'from-number': { status: 400, reason: 'Asset not found, invalid business phone number' },
  digest: { status: 403, reason: 'Invalid digest response' },
  'digest-uri': { status: 403, reason: 'Proxy auth uri does not match SIP "to" uri' },
  sdp: { status: 403, reason: 'SDP Validation Error' },
  'not-found': { status: 404, reason: 'Not Found' },
  'uri-ip': { status: 404, reason: 'SIP INVITEs using IP in request URI are not allowed' },
  extension: { status: 420, reason: 'Bad Extension' },
  plus: { status: 500, reason: 'Internal Server Error' },
} as const satisfies Record<string, { readonly status: number; readonly reason: string }>;

/** A final answer that is no 200. */
export interface FinalRefusal {
  readonly status: number;
  readonly reason: string;
}

/** The text of a From host that is not configured for the number. */
export function foreignServer(host: string, phoneNumberId: string): FinalRefusal {
  const reason = `SIP server ${host} from INVITE does not match any SIP server configured for phone number id ${phoneNumberId}`;
  return { status: REFUSALS.hostname.status, reason };
}

/** The text again as a warning; with 420 the extensions that are not supported (RFC 3261 section 21.4.15). */
export function refusalHeaders({ status, reason }: FinalRefusal, required = ''): (readonly [string, string])[] {
  const warning = ['Warning', `399 wa.meta.vc "${reason.replaceAll('"', '\\"')}"`] as const;
  return status === 420 ? [warning, ['Unsupported', required]] : [warning];
}
