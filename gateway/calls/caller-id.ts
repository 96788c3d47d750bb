/** Which business number a PBX calls as. */
import type { NumberConfig, TrunkConfig } from '../config/types.js';
import { parseNameAddr, splitOutside } from '../sip/headers.js';
import type { IncomingRequest } from '../sip/port.js';
import { parseUri } from '../sip/uri.js';
import { dialCountry, toE164 } from './numbering.js';

/** A text says why there is none. */
export type CallerOf = (
  invite: Pick<IncomingRequest, 'header'>,
  trunks: readonly TrunkConfig[],
) => { readonly trunk: TrunkConfig; readonly number: NumberConfig } | string;

type Named = NumberConfig | string | undefined;

/**
 * In this order: the trunk's own header, From, P-Asserted-Identity, P-Preferred-Identity, the trunk's default. A number in the
 * trunk's header must be one of its numbers; the others may just as well hold the extension of an agent. Where one PBX has
 * several trunks, a number that is named goes before any default.
 */
export function createCallerOf(numbers: readonly NumberConfig[]): CallerOf {
  return (invite, trunks) => {
    const found = trunks.map((trunk) => {
      const own = numbers.filter((number) => number.trunk === trunk.name);
      return { trunk, own, named: namedBy(invite, trunk, own) };
    });
    for (const { trunk, named } of found) if (typeof named === 'object') return { trunk, number: named };
    for (const { trunk, own, named } of found) {
      const number = named === undefined ? own.find((one) => one.number === trunk.callerId) : undefined;
      if (number !== undefined) return { trunk, number };
    }
    const from = userOf(invite.header('from') ?? '') ?? 'nobody';
    const names = trunks.map(({ name }) => name).join(', ');
    const wrong = found.find(({ named }) => typeof named === 'string')?.named;
    return typeof wrong === 'string' ? wrong : `${from} is no number of trunk ${names}, which has no callerId`;
  };
}

/** The number that the INVITE names; a text where the trunk's header names another; undefined: none is named. */
function namedBy(invite: Pick<IncomingRequest, 'header'>, trunk: TrunkConfig, own: readonly NumberConfig[]): Named {
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
  return undefined;
}

/** @param value a number in any form, a URI or a name-addr */
function findNumber(value: string, own: readonly NumberConfig[], trunk: TrunkConfig): NumberConfig | undefined {
  const user = userOf(value) ?? value;
  return own.find((one) => one.number === toE164(user, dialCountry(one, trunk)));
}

function userOf(value: string): string | undefined {
  return parseUri(parseNameAddr(value)?.uri ?? '')?.user;
}
