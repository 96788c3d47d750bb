/** Settings as code: what the configuration wants of a number at Meta, what is there, and the way from one to the other. */
export { applySettings, compareSettings } from './apply.js';
export type { Applied, ApplyOptions, FailedStep, SettingsTarget } from './apply.js';
export type { MetaCalling, MetaServer } from './calling.js';
export { readSettings } from './current.js';
export type { Current, Restriction } from './current.js';
export { diffCalling } from './diff.js';
export type { Change, Leaf } from './diff.js';
export { DriftWatch } from './drift.js';
export type { DriftDeps, DriftReport } from './drift.js';
export { planWrites } from './plan.js';
export type { Step, Write } from './plan.js';
export { RotateError, rotatePassword } from './rotate.js';
export type { RotateDeps, RotateStep } from './rotate.js';
export { wantedCalling } from './wanted.js';
