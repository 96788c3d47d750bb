import { checkSdp, readSdp } from '../../media/sdp-read.js';
import type { RuleId } from '../../rules.js';
import type { Report } from '../rules-used.js';
import { cseq, header, headerLines, parameter, type SipText } from '../sip-text.js';
import { Challenges } from './challenges.js';
import { judgeInvite, partiesOf, type InviteParties } from './judge-invite.js';
import type { BusinessNumber } from './number.js';
import { FAULTS, type FinalRefusal } from './refusals.js';

export type Decision =
  | { readonly kind: 'admitted' }
  | { readonly kind: 'challenged'; readonly headers: readonly (readonly [string, string])[] }
  | { readonly kind: 'refused'; readonly refusal: FinalRefusal };

/** SDP faults for which Meta's pages name a refusal; with the others the call is set up and goes wrong. */
const REFUSED_SDP: readonly RuleId[] = ['several-media', 'no-opus', 'keying', 'fingerprint'];

/** Judges the INVITEs of one call until one of them is let in: form, parties, digest, offer. */
export class Admission {
  readonly parties: InviteParties;
  readonly challenges: Challenges | undefined;
  #previous: SipText | undefined;

  constructor(
    invite: SipText,
    numbers: ReadonlyMap<string, BusinessNumber>,
    private readonly hostname: string,
    private readonly report: Report,
  ) {
    this.parties = partiesOf(invite, numbers);
    this.challenges = this.parties.number && new Challenges(this.parties.number);
  }

  judge(invite: SipText): Decision {
    const { number } = this.parties;
    const refusal = judgeInvite(invite, this.parties, this.hostname, this.report);
    if (refusal !== undefined) return { kind: 'refused', refusal };
    if (number === undefined) return { kind: 'refused', refusal: FAULTS['from-number'] };
    const decision = this.#authorize(invite);
    return decision ?? this.#judgeOffer(invite, number);
  }

  /** Undefined for an INVITE that needs no answer to a challenge, or has the right one. */
  #authorize(invite: SipText): Decision | undefined {
    const { challenges, parties } = this;
    if (challenges?.asks('INVITE') !== true) return undefined;
    const previous = this.#previous;
    this.#previous = invite;
    const values = headerLines(invite, 'proxy-authorization');
    if (values.length === 0) return { kind: 'challenged', headers: challenges.issue() };
    const changed = previous && changedInRetry(previous, invite);
    if (changed !== undefined) {
      this.report('auth-retry', changed);
      return { kind: 'refused', refusal: FAULTS.digest };
    }
    const verdict = challenges.judge(values, 'INVITE', parties.toUri);
    switch (verdict.kind) {
      case 'right':
        return undefined;
      case 'stale':
        return { kind: 'challenged', headers: challenges.issue(true) };
      case 'refused':
        for (const { rule, detail } of verdict.faults) this.report(rule, detail);
        return { kind: 'refused', refusal: verdict.refusal };
    }
  }

  #judgeOffer(invite: SipText, { keying, codecs = ['opus'] }: BusinessNumber): Decision {
    if (invite.body.trim() === '') {
      this.report('missing-sdp', 'INVITE without an offer');
      return { kind: 'refused', refusal: FAULTS.sdp };
    }
    const faults = checkSdp(readSdp(invite.body), 'offer', { keying, codecs, telephoneEvent: true });
    for (const { rule, found } of faults) this.report(rule, found);
    const refused = faults.some(({ rule }) => REFUSED_SDP.includes(rule));
    return refused ? { kind: 'refused', refusal: FAULTS.sdp } : { kind: 'admitted' };
  }
}

/** RFC 3261 section 22.2: what an INVITE with credentials shares with the one that was challenged. */
function changedInRetry(before: SipText, now: SipText): string | undefined {
  const tag = (message: SipText): string | undefined => parameter(header(message, 'from') ?? '', 'tag');
  if (tag(now) !== tag(before)) return `From tag ${tag(now) ?? '(none)'}, was ${tag(before) ?? '(none)'}`;
  if (now.startLine !== before.startLine) return `${now.startLine}, was ${before.startLine}`;
  if (header(now, 'to') !== header(before, 'to')) return `To ${header(now, 'to') ?? ''}`;
  const [first = 0, second = 0] = [cseq(before)?.number, cseq(now)?.number];
  return second === first + 1 ? undefined : `CSeq ${second} after ${first}`;
}
