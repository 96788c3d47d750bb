/** What is needed of a logger (pino's shape). */
export interface SipLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

const nothing = () => undefined;
export const silentLog: SipLog = { debug: nothing, info: nothing, warn: nothing, error: nothing };
