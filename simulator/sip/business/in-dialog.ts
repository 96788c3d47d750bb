import { judgeTarget } from '../judge.js';
import type { Report } from '../rules-used.js';
import { cseq, header, headerLines, type SipText } from '../sip-text.js';
import type { Challenges } from './challenges.js';
import type { CalleeDialog } from './dialog.js';

/** What becomes of a request of the gateway within the call: it hangs up, or it is answered and nothing else. */
export type InDialogDecision =
  | { readonly kind: 'bye' }
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly reason?: string;
      readonly headers?: readonly (readonly [string, string])[];
    };

const answer = (status: number, reason?: string): InDialogDecision => ({
  kind: 'answer',
  status,
  ...(reason !== undefined && { reason }),
});

/** Judges a request other than ACK and CANCEL. */
export function judgeInDialog(
  request: SipText,
  dialog: CalleeDialog,
  challenges: Challenges | undefined,
  report: Report,
): InDialogDecision {
  if (!dialog.owns(request)) {
    report('dialog', `${request.startLine}, CSeq ${header(request, 'cseq') ?? ''}, To ${header(request, 'to') ?? ''}`);
    return answer(481);
  }
  const astray = judgeTarget(request, dialog, report);
  if (astray !== undefined) return answer(astray);
  switch (cseq(request)?.method) {
    case 'BYE':
      return judgeBye(request, challenges, report);
    case 'NOTIFY':
    case 'OPTIONS':
      return answer(200);
    case 'INVITE':
      report('re-invite', header(request, 'cseq') ?? '');
      return answer(500, 'Re-INVITEs are not supported');
    default:
      report('method', request.startLine);
      return answer(405);
  }
}

function judgeBye(bye: SipText, challenges: Challenges | undefined, report: Report): InDialogDecision {
  if (challenges?.asks('BYE') !== true) return { kind: 'bye' };
  const values = headerLines(bye, 'proxy-authorization');
  if (values.length === 0) return { kind: 'answer', status: 407, headers: challenges.issue() };
  const [, uri = ''] = bye.startLine.split(' ');
  const verdict = challenges.judge(values, 'BYE', uri);
  switch (verdict.kind) {
    case 'right':
      return { kind: 'bye' };
    case 'stale':
      return { kind: 'answer', status: 407, headers: challenges.issue(true) };
    case 'refused':
      for (const { rule, detail } of verdict.faults) report(rule, detail);
      return answer(verdict.refusal.status, verdict.refusal.reason);
  }
}
