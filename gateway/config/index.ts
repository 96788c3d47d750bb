/** Configuration: `loadConfig(file)` checks everything and throws {@link ConfigError}; `redacted(config)` is safe to print. */
export { CONFIG_FILE_VARIABLE } from './environment.js';
export { ConfigError, formatFault } from './faults.js';
export type { Fault } from './faults.js';
export { loadConfig } from './load.js';
export type { Loaded, LoadOptions } from './load.js';
export { redacted } from './redacted.js';
export { secret } from './secret.js';
export type * from './types.js';
