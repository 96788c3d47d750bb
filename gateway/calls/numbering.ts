/** From what a PBX dials to the user that Meta calls. */
import { parsePhoneNumberFromString, type CountryCode, type PhoneNumber } from 'libphonenumber-js/min';
import type { NumberConfig, TrunkConfig } from '../config/types.js';
import { e164, parseParty } from '../sip/uri.js';

/**
 * `+E.164` of a number in any usual form: with +, 00 or the country's own international prefix, bare E.164, national with or
 * without the trunk prefix; separators do not count. A business-scoped user id (`US.13491208655302741918`) stays as it is.
 * Undefined: neither, or a national number without a country to be of.
 *
 * Digits alone may be two numbers at once. National is what is written just so in the country; else E.164.
 * @param country ISO 3166
 */
export function toE164(dialled: string, country: string | undefined): string | undefined {
  const text = dialled.trim();
  if (parseParty(text).kind === 'bsuid') return text;
  // +49 (0)30 …: the trunk prefix that only some dial, written for both.
  const plain = text.replace(/^(\+\d{1,3}[\s.-]*)\(0\)/, '$1').replace(/[\s\-.()/]/g, '');
  if (plain.startsWith('+')) return isE164(plain) ? plain : undefined;
  if (!/^\d+$/.test(plain)) return undefined;
  const candidates = candidatesOf(plain, country);
  return (candidates.find((c) => c.isValid()) ?? candidates.find((c) => c.isPossible()))?.number;
}

/** The country in whose way the PBX dials when it calls out as this number. */
export function dialCountry(
  number: Pick<NumberConfig, 'number' | 'country'>,
  trunk: Pick<TrunkConfig, 'country'>,
): string | undefined {
  return number.country ?? trunk.country ?? parsePhoneNumberFromString(number.number)?.country;
}

/** What the digits may mean, the likelier first. */
function candidatesOf(digits: string, country: string | undefined): readonly PhoneNumber[] {
  // Everything of the country: its national numbers, and others behind its international prefix.
  const local = country === undefined ? undefined : parse(digits, country);
  const global = parse(`+${digits.replace(/^00/, '')}`);
  const both = local !== undefined && isWrittenSo(local, digits) ? [local, global] : [global, local];
  // A prefix such as Australia's 0011 begins with 00 as well.
  const ordered = digits.startsWith('00') ? [local, global] : both;
  return ordered.filter((candidate) => candidate !== undefined).filter(({ number }) => isE164(number));
}

/**
 * Whether the digits are how the country itself writes the number, the trunk prefix included unless it may be left out. What
 * comes back without a separator is of no form that it knows.
 */
function isWrittenSo(number: PhoneNumber, digits: string): boolean {
  const forms = [number.formatNational(), number.format('NATIONAL', { nationalPrefix: false })];
  return forms.some((form) => form !== digits && form.replace(/\D/g, '') === digits);
}

function parse(text: string, country?: string): PhoneNumber | undefined {
  const defaultCountry = country as CountryCode | undefined;
  return parsePhoneNumberFromString(text, {
    extract: false,
    ...(defaultCountry === undefined ? {} : { defaultCountry }),
  });
}

function isE164(text: string): boolean {
  return text.length >= 8 && e164(text) !== undefined;
}
