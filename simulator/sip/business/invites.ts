import type { SipSocket } from '../sip-socket.js';
import { cseq, headerList, parameter, type SipText } from '../sip-text.js';

export interface Invite {
  readonly text: SipText;
  readonly from: SipSocket;
  /** Its final status, once sent. */
  final?: number;
}

/** The INVITEs of one call in order: challenged ones, and the last that is let in or refused. */
export class Invites {
  readonly #all: Invite[] = [];

  get count(): number {
    return this.#all.length;
  }

  /** The last one. Throws Error before the first. */
  get current(): Invite {
    const last = this.#all.at(-1);
    if (last === undefined) throw new Error('no INVITE yet');
    return last;
  }

  add(text: SipText, from: SipSocket): void {
    this.#all.push({ text, from });
  }

  /** The INVITE that a CANCEL means: same topmost branch, request-URI and CSeq number (RFC 3261 section 9.1). */
  cancelledBy(cancel: SipText): Invite | undefined {
    const target = ({ startLine }: SipText): string => startLine.replace(/^\S+ /, '');
    return this.#all.find(
      ({ text }) =>
        branchOf(text) === branchOf(cancel) &&
        target(text) === target(cancel) &&
        cseq(text)?.number === cseq(cancel)?.number,
    );
  }

  /** Whether an ACK is that of a refusal, which shares the branch of its INVITE (RFC 3261 section 17.1.1.3). */
  refusalAckedBy(ack: SipText): boolean {
    return this.#all.some(({ text, final = 0 }) => final >= 300 && branchOf(text) === branchOf(ack));
  }
}

/** The branch of the topmost Via, '' without one. */
export function branchOf(message: SipText): string {
  return parameter(headerList(message, 'via')[0] ?? '', 'branch') ?? '';
}
