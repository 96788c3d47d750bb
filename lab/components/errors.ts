/** Why a component could not be provided. Codes are stable; the message says what, where and what to do. */
export type ComponentErrorCode =
  | 'missing' // not in the cache
  | 'no-mirror' // apt's configuration names no Debian mirror
  | 'unreachable' // no mirror answered
  | 'signature' // the suite's index is not signed by Debian
  | 'checksum' // a file is not what the signed index says
  | 'no-package' // the suite lacks a package
  | 'unusable' // the extracted tree does not work here
  | 'no-tool' // dpkg-deb or gpgv is not installed
  | 'platform'; // Debian has no such package for this machine

export class ComponentError extends Error {
  constructor(
    readonly code: ComponentErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'ComponentError';
  }
}
