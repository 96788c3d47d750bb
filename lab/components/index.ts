export { cacheDirs, type Component, findComponent, requireComponent, writableCacheDir } from './cache.js';
export { COMPONENT_NAMES, type ComponentName } from './catalogue.js';
export { type Components, ensureComponents, type EnsureOptions } from './ensure.js';
export { ComponentError, type ComponentErrorCode } from './errors.js';
export { describeProgress, type Phase, type Progress, progressSteps } from './progress.js';
