import { createHmac } from 'node:crypto';

/** Value of X-Hub-Signature-256: over the body as it is on the wire. */
export const signature = (body: Buffer, secret: string): string =>
  `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;

/** How a delivery is made false; `truncated` is signed well but no JSON. */
export type Corruption = 'none' | 'signature' | 'body' | 'unsigned' | 'truncated';

export interface Signed {
  readonly body: Buffer;
  /** X-Hub-Signature-256; absent: none. */
  readonly signature?: string;
}

export function signed(body: Buffer, secret: string, corruption: Corruption = 'none'): Signed {
  const right = signature(body, secret);
  switch (corruption) {
    case 'none':
      return { body, signature: right };
    case 'signature':
      return { body, signature: right.slice(0, -1) + (right.endsWith('0') ? '1' : '0') };
    case 'body':
      return { body: altered(body), signature: right };
    case 'unsigned':
      return { body };
    case 'truncated': {
      const cut = body.subarray(0, Math.floor(body.length / 2));
      return { body: cut, signature: signature(cut, secret) };
    }
  }
}

/** Still JSON of the same length, but it says something else: the last digit counts one up. */
function altered(body: Buffer): Buffer {
  const copy = Buffer.from(body);
  const at = copy.findLastIndex((byte) => byte >= 0x30 && byte <= 0x39);
  if (at === -1) throw new TypeError('webhooks: a body without a digit cannot be altered');
  copy[at] = copy[at] === 0x39 ? 0x30 : (copy[at] ?? 0) + 1;
  return copy;
}
