/** Which business number a PBX calls as. */
import type { NumberConfig, TrunkConfig } from '../config/types.js';
import { parseNameAddr, splitOutside } from '../sip/headers.js';
import type { IncomingRequest } from '../sip/port.js';
import { parseUri } from '../sip/uri.js';
import { dialCountry, toE164 } from './numbering.js';

/** A text says why there is none. */
export type CallerOf = (invite: Pick<IncomingRequest, 'header'>, trunk: TrunkConfig) => NumberConfig | string;

/**
 * In this order: the trunk's own header, From, P-Asserted-Identity, P-Preferred-Identity, the trunk's default. A number in the
 * trunk's header must be one of its numbers; the others may just as well hold the extension of an agent.
 */
export function createCallerOf(numbers: readonly NumberConfig[]): CallerOf {
  return (invite, trunk) => {
    const own = numbers.filter((number) => number.trunk === trunk.name);
    const named = trunk.callerIdHeader === undefined ? undefined : invite.header(trunk.callerIdHeader)?.trim();
    if (trunk.callerIdHeader !== undefined && named !== undefined && named !== '') {
      const number = findNumber(named, own, trunk);
      return number ?? `${trunk.callerIdHeader} names ${named}, which is no number of trunk ${trunk.name}`;
    }
    for (const name of ['from', 'p-asserted-identity', 'p-preferred-identity']) {
      for (const value of splitOutside(invite.header(name) ?? '', ',')) {
        const number = findNumber(value, own, trunk);
        if (number !== undefined) return number;
      }
    }
    const from = userOf(invite.header('from') ?? '') ?? 'nobody';
    return (
      own.find(({ number }) => number === trunk.callerId) ??
      `${from} is no number of trunk ${trunk.name}, which has no callerId`
    );
  };
}

/** @param value a number in any form, a URI or a name-addr */
function findNumber(value: string, own: readonly NumberConfig[], trunk: TrunkConfig): NumberConfig | undefined {
  const user = userOf(value) ?? value;
  return own.find((one) => one.number === toE164(user, dialCountry(one, trunk)));
}

function userOf(value: string): string | undefined {
  return parseUri(parseNameAddr(value)?.uri ?? '')?.user;
}
