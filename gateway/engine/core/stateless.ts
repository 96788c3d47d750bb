import { createHash } from 'node:crypto';
import { buildResponse, responseFrame } from '../sip/build.js';
import { markSource } from '../sip/via.js';
import type { Refusal } from '../sip/check.js';
import type { SipMessage } from '../sip/message.js';
import type { Flow } from '../transport/flow.js';

/**
 * Answers a request without a transaction (RFC 3261 section 8.2.7): for what is malformed, too large or too much.
 * Nothing is sent where the message does not say whom to answer, and never to an ACK.
 * @returns whether a response was sent.
 */
export function refuseStateless(message: SipMessage, flow: Flow, refusal: Refusal): boolean {
  const { via } = message;
  if (!message.isRequest || message.method === 'ACK' || via === undefined) return false;
  if (['from', 'to', 'call-id', 'cseq'].some((name) => !message.has(name))) return false;
  // The same tag for a repetition of the request, without remembering it.
  const tag = createHash('sha256').update(`${via.value} ${message.callId}`).digest('hex').slice(0, 24);
  const frame = responseFrame(message, markSource(via, flow.remote));
  const tagged = /;\s*tag\s*=/i.test(frame.to) ? {} : { tag };
  flow.send(buildResponse(frame, refusal.status, refusal.reason, { ...tagged, headers: refusal.headers ?? '' }));
  return true;
}
