/** Characters, as Meta counts them for a button. */
export const MAX_PAYLOAD = 512;

/** What is wrong with a payload, or undefined. It becomes a SIP header of the call: one line. */
export function payloadFault(payload: string, max: number): string | undefined {
  if (payload === '') return 'found nothing, allowed a text; leave it out for none';
  if (/\p{Cc}/u.test(payload)) return 'found a control character, allowed one line of text';
  return tooLong(payload, max);
}

export function tooLong(text: string, max: number): string | undefined {
  const { length } = [...text];
  return length > max ? `found ${length} characters, allowed ${max}` : undefined;
}
