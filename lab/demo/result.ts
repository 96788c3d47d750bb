import { isDeepStrictEqual } from 'node:util';

/** What `wa-trunk demo --json` prints. Every top-level key is always there. Times are ms, frequencies Hz, `loss` and `purity` fractions. */
export interface DemoResult {
  readonly calls: CallResult[];
  readonly refusals: RefusalResult[];
  readonly checks: CheckResult[];
  leftBehind: { rtpengineSessions: number | null; dialogs: number | null };
}

export interface CallResult {
  readonly name: string;
  readonly direction: 'user-initiated' | 'business-initiated';
  readonly keying: 'dtls' | 'sdes';
  /** WhatsApp side > PBX side. */
  readonly codecs: string;
  readonly answered: boolean;
  readonly atUser: Heard;
  readonly atPbx: Heard;
  /** What Asterisk's Read() returned, with the terminating #. */
  readonly digitsAtPbx: string;
  readonly digitsAtUser: string;
  readonly digitsAtUserVia: 'rfc4733' | 'inband' | 'both' | null;
  /** The largest difference between a key as sent and as it arrived, in ms; null: no key came. */
  readonly digitDurationErrorMs: { readonly atPbx: number | null; readonly atUser: number | null };
  readonly endedBy: 'user' | 'pbx' | 'gateway' | 'meta' | null;
  readonly features: readonly string[];
  /** Ids of Meta's rules that the gateway broke. */
  readonly violations: readonly string[];
  /** What could not be done or was not heard while the call was played; null: all went as it should. */
  readonly fault: string | null;
}

/** A call with the drawing of its SIP messages. */
export interface PlayedCall {
  readonly result: CallResult;
  readonly ladder: readonly string[];
}

/** What a scenario brings back. */
export interface Played {
  readonly calls: readonly PlayedCall[];
  readonly refusals?: readonly RefusalResult[];
  readonly checks: readonly CheckResult[];
}

/** null: not measured in this call, because there was nothing to measure. */
export interface Heard {
  readonly hz: number | null;
  readonly expectedHz: number;
  readonly purity: number | null;
  readonly loss: number | null;
  readonly firstAudioMs: number | null;
  readonly firstToneMs: number | null;
  readonly ssrcs: number | null;
  readonly largestGapMs: number | null;
}

export interface RefusalResult {
  readonly code: string;
  readonly expected: { readonly sip: number; readonly q850: number; readonly code: string };
  readonly got: { readonly sip: number | null; readonly q850: number | null; readonly code: string | null };
}

export interface CheckResult {
  readonly name: string;
  readonly ok: boolean;
  /** What was seen. */
  readonly value: unknown;
}

export function emptyResult(): DemoResult {
  return { calls: [], refusals: [], checks: [], leftBehind: { rtpengineSessions: null, dialogs: null } };
}

/** Everything that is not as expected, one line each; an empty list is success. */
export function faultsOf(result: DemoResult): string[] {
  return [
    ...result.calls.flatMap((call) => callFaults(call).map((fault) => `${call.name}: ${fault}`)),
    ...result.refusals
      .filter((r) => !isDeepStrictEqual(r.expected, r.got))
      .map((r) => `refusal ${r.code}: PBX saw ${JSON.stringify(r.got)}, expected ${JSON.stringify(r.expected)}`),
    ...result.checks.filter((c) => !c.ok).map((c) => `${c.name}: ${JSON.stringify(c.value)}`),
    ...leftBehindFaults(result.leftBehind),
  ];
}

/** First packet after the ACK. */
const SDES_START_MS = 60;
/** ICE takes rtpengine 100 to 200 ms; then the handshake follows at once. */
export const DTLS_LATE_START_MS = 400;
/** What a call must reach: docs/reference/demo.md explains each bound. */
const MAX_GAP_MS = 40;
const MIN_PURITY = 0.95;
const HZ_TOLERANCE = 0.01;
/** Asterisk's own SendDTMF() is not more exact than this; a wrong clock would be off by hundreds. */
const DIGIT_TOLERANCE_MS = { atPbx: 20, atUser: 60 } as const;

function callFaults(call: CallResult): string[] {
  if (!call.answered) return ['was not answered'];
  const faults = [
    ...heardFaults('the user', call.atUser),
    ...lossFaults('the user', call.atUser),
    ...heardFaults('the PBX', call.atPbx),
  ];
  if (call.fault !== null) faults.push(call.fault);
  // Keys are sent in the plain calls; the others are about who hears whom.
  if (call.features.length === 0) faults.push(...lossFaults('the PBX', call.atPbx), ...keyFaults(call));
  if (call.violations.length > 0) faults.push(`broke Meta's rules: ${call.violations.join(', ')}`);
  if (call.endedBy === null || call.endedBy === 'meta' || call.endedBy === 'gateway') {
    faults.push(`was ended by ${call.endedBy ?? 'nobody'}`);
  }
  return faults;
}

function keyFaults(call: CallResult): string[] {
  const faults: string[] = [];
  if (call.digitsAtPbx !== '1234#') faults.push(`keys at the PBX: "${call.digitsAtPbx}", expected "1234#"`);
  if (call.digitsAtUser !== '5678') faults.push(`keys at the user: "${call.digitsAtUser}", expected "5678"`);
  if (call.digitsAtUserVia !== 'rfc4733' && call.digitsAtUserVia !== 'inband') {
    faults.push(`keys reached the user via ${call.digitsAtUserVia ?? 'nothing'}`);
  }
  for (const where of ['atPbx', 'atUser'] as const) {
    const error = call.digitDurationErrorMs[where];
    if (error !== null && error > DIGIT_TOLERANCE_MS[where]) {
      faults.push(`a key ${where} was ${error} ms too long or short`);
    }
  }
  return faults;
}

function heardFaults(who: string, heard: Heard): string[] {
  const faults: string[] = [];
  if (heard.hz === null) return [`${who} heard no tone`];
  if (Math.abs(heard.hz - heard.expectedHz) > heard.expectedHz * HZ_TOLERANCE) {
    faults.push(`${who} heard ${heard.hz} Hz, expected ${heard.expectedHz}`);
  }
  if (heard.purity === null || heard.purity < MIN_PURITY) faults.push(`${who} heard a tone of purity ${heard.purity}`);
  if (heard.ssrcs !== null && heard.ssrcs !== 1) faults.push(`${who} saw ${heard.ssrcs} SSRCs`);
  return faults;
}

function lossFaults(who: string, { loss }: Heard): string[] {
  return loss === 0 ? [] : [`${who} lost ${loss} of the packets`];
}

/** The bounds toward Meta; what the PBX hears follows the user's own stream. */
export function userStreamFaults(call: CallResult): string[] {
  const firstAudioLimitMs = call.keying === 'sdes' ? SDES_START_MS : DTLS_LATE_START_MS;
  const { largestGapMs, firstAudioMs, ssrcs } = call.atUser;
  const faults: string[] = [];
  if (ssrcs !== 1) faults.push(`${call.name}: ${ssrcs} SSRCs toward Meta`);
  if (largestGapMs === null || largestGapMs > MAX_GAP_MS)
    faults.push(`${call.name}: gap of ${largestGapMs} ms toward Meta`);
  if (firstAudioMs === null || firstAudioMs > firstAudioLimitMs) {
    faults.push(`${call.name}: first packet ${firstAudioMs} ms after the ACK, limit ${firstAudioLimitMs}`);
  }
  return faults;
}

function leftBehindFaults(left: DemoResult['leftBehind']): string[] {
  return Object.entries(left)
    .filter(([, count]) => count !== 0)
    .map(([what, count]) => `left behind: ${count ?? 'unknown number of'} ${what}`);
}
