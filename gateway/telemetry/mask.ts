const MASK = '[masked]';

// Everything after the scheme: user name, nonce and response together are what a password could be guessed from.
const CREDENTIALS =
  /^((?:Proxy-Authorization|Authorization)[ \t]*:[ \t]*[^ \t\r\n]+)[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*/gim;
const CHALLENGES =
  /^((?:Proxy-Authenticate|WWW-Authenticate|Authentication-Info|Proxy-Authentication-Info)[ \t]*:)([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)/gim;
const CHALLENGE_SECRETS = /\b(nonce|opaque|nextnonce|rspauth|cnonce)([ \t]*=[ \t]*)("(?:[^"\\]|\\.)*"|[^,\s]*)/gi;
// RFC 4568 9.1: inline:<key and salt>, the lifetime and MKI behind a bar may stay. RFC 4567: a=key-mgmt. `k=`: RFC 4566 5.12.
const SRTP_KEYS = /\binline:[^\s|;]*/gi;
const OTHER_KEYS = /^(a=key-mgmt:\S+|k=[a-z0-9-]+:?)[^\r\n]*/gim;

/** A SIP message for showing: credentials, nonces and SRTP keys are masked; length and everything else stays readable. */
export function maskSip(message: string): string {
  return message
    .replace(CREDENTIALS, `$1 ${MASK}`)
    .replace(CHALLENGES, (_, name: string, value: string) => name + value.replace(CHALLENGE_SECRETS, `$1$2${MASK}`))
    .replace(SRTP_KEYS, `inline:${MASK}`)
    .replace(OTHER_KEYS, `$1 ${MASK}`);
}
