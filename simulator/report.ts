import type { MediaReport } from './media/types.js';
import { RULES, type Rule } from './rules.js';
import type { Call, Ended } from './sip/call.js';
import { ladderLine, type LadderEntry } from './sip/ladder.js';

/** How one call went, as the user's side saw it. Times in ms. */
export interface CallOutcome {
  readonly callId: string;
  readonly answered: boolean;
  /** From the INVITE that was accepted to the 200. */
  readonly answerDelayMs: number | undefined;
  readonly ended: Ended;
  readonly talkMs: number;
  /** undefined for a call that never had media. */
  readonly heard: Omit<MediaReport, 'digits' | 'violations'> | undefined;
  readonly keysHeard: readonly { readonly key: string; readonly via: string; readonly durationMs: number }[];
  /** Rules of Meta that were broken, each once, with what was found where that is known. */
  readonly violations: readonly { readonly rule: string; readonly detail: string }[];
  /** Answered, ended by a person, nothing broken. */
  readonly ok: boolean;
  readonly ladder: readonly LadderEntry[];
}

/** A call in either direction, as far as it is told. */
type ToldCall = Pick<Call, 'violations' | 'times' | 'ladder'> & { readonly id: { readonly callId: string } };

/** Puts together what signalling and media know of a call that has ended. */
export function outcomeOf(call: ToldCall, ended: Ended, report: MediaReport | undefined): CallOutcome {
  const { digits = [], violations: ofMedia = [] } = report ?? {};
  const found = new Map(call.violations.map(({ rule, detail }) => [rule as string, detail]));
  for (const rule of ofMedia) if (!found.has(rule)) found.set(rule, '');
  const violations = [...found].map(([rule, detail]) => ({ rule, detail }));
  const { invite = 0, authorizedInvite = invite, answer, ack, end = 0 } = call.times;
  const answered = ack !== undefined && answer !== undefined;
  return {
    callId: call.id.callId,
    answered,
    answerDelayMs: answered ? answer - authorizedInvite : undefined,
    ended,
    talkMs: ack === undefined ? 0 : end - ack,
    heard: report && withoutKeys(report),
    keysHeard: digits.map(({ key, via, durationMs }) => ({ key, via, durationMs })),
    violations,
    ok: answered && ended.by !== 'meta' && violations.length === 0,
    ladder: call.ladder(),
  };
}

function withoutKeys({ digits: _, violations: __, ...heard }: MediaReport): CallOutcome['heard'] {
  return heard;
}

/** A call as text: what happened, the ladder, what was heard, what was broken. */
export function callLines(n: number, outcome: CallOutcome): string[] {
  const { answered, answerDelayMs, ended, talkMs, keysHeard, violations } = outcome;
  const head = answered
    ? `answered after ${ms(answerDelayMs)}, talked ${(talkMs / 1000).toFixed(1)} s`
    : 'not answered';
  const status = ended.status === undefined ? '' : `, ${ended.status}`;
  const reason = ended.reason === undefined ? '' : `, ${ended.reason}`;
  return [
    `call ${n}: ${head}; ended by ${ended.by} (${ended.cause}${status}${reason})`,
    ...outcome.ladder.map((entry) => `  ${ladderLine(entry)}`),
    ...(answered ? [`  heard: ${heardText(outcome)}`] : []),
    ...(keysHeard.length > 0 ? [`  keys:  ${keysHeard.map(keyText).join(' ')}`] : []),
    ...violations.map((violation) => `  ${violationLine(violation)}`),
  ];
}

/** One broken rule: its id, what was found, and what Meta does about it. */
export function violationLine({ rule, detail }: { readonly rule: string; readonly detail: string }): string {
  const known: Rule | undefined = Object.entries(RULES).find(([id]) => id === rule)?.[1];
  const consequence = known ? ` Meta: ${known.consequence}` : '';
  return `broken: ${rule}${detail === '' ? '' : ` (${detail})`}.${consequence}`;
}

/** The last line: how many calls were good. */
export function summaryLine(outcomes: readonly CallOutcome[], calls: number): string {
  const answered = outcomes.filter((outcome) => outcome.answered).length;
  const broken = new Set(outcomes.flatMap(({ violations }) => violations.map(({ rule }) => rule)));
  return `${answered} of ${calls} answered; rules of Meta broken in calls: ${[...broken].join(', ') || 'none'}`;
}

function heardText({ heard }: CallOutcome): string {
  if (heard === undefined || heard.packets === 0) return 'nothing at all';
  const tone =
    heard.hz === undefined ? 'no tone' : `${heard.hz.toFixed(1)} Hz, purity ${heard.purity?.toFixed(3) ?? '?'}`;
  const codec = heard.codec ?? 'unknown codec';
  const gap = `largest gap ${ms(heard.largestGapMs)}, jitter ${ms(heard.jitterMs)}`;
  return `${tone}; ${codec}, first audio after ${ms(heard.firstAudioMs)}, ${heard.packets} packets, loss ${(heard.loss * 100).toFixed(2)} %, ${heard.ssrcs} SSRC, ${gap}`;
}

function keyText({ key, via, durationMs }: CallOutcome['keysHeard'][number]): string {
  return `${key} (${via}, ${ms(durationMs)})`;
}

function ms(value: number | undefined): string {
  return value === undefined ? '?' : `${value.toFixed(1)} ms`;
}
