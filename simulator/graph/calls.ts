import { Refusal } from './errors.js';
import type { BusinessNumber } from './numbers/business-number.js';

/** Calls over the Graph API: refused as Meta does where SIP is enabled; the stand-in has none for other numbers. */
export function postCall({ calling }: BusinessNumber): never {
  if (calling.status !== 'ENABLED') throw new Refusal(138000, 'Calling not enabled');
  if (calling.sip?.status === 'ENABLED') {
    throw new Refusal(131055, 'Method not allowed', {
      details: 'SIP is enabled for this phone number: calls cannot be made over the Graph API',
    });
  }
  throw new Refusal(1, 'This stand-in makes calls over SIP only', { status: 500 });
}
