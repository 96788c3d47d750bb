import { constructOutgoingResponse, IncomingRequestMessage, Parser } from 'sip.js/lib/core/index.js';
import { SILENT } from './exchange.js';
import type { Report } from './rules-used.js';
import type { SipSocket } from './sip-socket.js';
import { cseq, type SipText } from './sip-text.js';
import { RESPONSE_HEADERS } from './wire.js';

/** Answers a request that belongs to no call, as Meta does. */
export function answerStray(raw: string, text: SipText, from: SipSocket, report: Report): void {
  const request = Parser.parseMessage(raw, SILENT.getLogger('simulator'));
  if (!(request instanceof IncomingRequestMessage)) {
    report('malformed', text.startLine);
    return;
  }
  const method = cseq(text)?.method ?? '';
  const answer = strayAnswer(method, request.toTag !== undefined);
  if (!answer) return;
  if (method === 'REGISTER') report('register', text.startLine);
  else if (answer.statusCode === 405) report('method', text.startLine);
  from.send(constructOutgoingResponse(request, { ...answer, extraHeaders: [...RESPONSE_HEADERS] }).message);
}

function strayAnswer(method: string, inDialog: boolean): { statusCode: number; reasonPhrase?: string } | undefined {
  switch (method) {
    case 'ACK':
      return undefined;
    case 'REGISTER':
      return { statusCode: 403 };
    case 'OPTIONS':
      return { statusCode: 200 };
    case 'INVITE':
      // Calls from the business are not played yet.
      return inDialog ? { statusCode: 481 } : { statusCode: 501 };
    case 'BYE':
    case 'CANCEL':
    case 'NOTIFY':
      return { statusCode: 481 };
    default:
      return { statusCode: 405 };
  }
}
