import type { IncomingRequest } from '../sip/port.js';

/** Meta asks nothing inside a call but whether we are there. */
export function answerWhatsApp(request: IncomingRequest): void {
  switch (request.method) {
    case 'OPTIONS':
    case 'NOTIFY':
      return request.respond({ status: 200, reason: 'OK' });
    case 'INVITE':
    case 'UPDATE':
      return request.respond({ status: 488, reason: 'Not Acceptable Here' });
    default:
      return request.respond({
        status: 405,
        reason: 'Method Not Allowed',
        headers: { Allow: 'INVITE, ACK, BYE, CANCEL, OPTIONS, NOTIFY' },
      });
  }
}
