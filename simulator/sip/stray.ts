import { writeReply } from './reply.js';
import type { Report } from './rules-used.js';
import type { SipSocket } from './sip-socket.js';
import { cseq, type SipText } from './sip-text.js';

/** Answers a request that belongs to no call, as Meta does. */
export function answerStray(request: SipText, from: SipSocket, report: Report): void {
  const method = cseq(request)?.method ?? '';
  if (method === 'ACK') return;
  const status = strayStatus(method);
  if (method === 'REGISTER') report('register', request.startLine);
  else if (status === 405) report('method', request.startLine);
  from.send(writeReply(request, status));
}

function strayStatus(method: string): number {
  switch (method) {
    case 'REGISTER':
      return 403;
    case 'OPTIONS':
      return 200;
    case 'INVITE': // within a call; those that begin one are calls of the business
    case 'BYE':
    case 'CANCEL':
    case 'NOTIFY':
      return 481;
    default:
      return 405;
  }
}
