/** Logs, metrics and the SIP trace: named once, here. */
export { callObserver } from './call-observer.js';
export { CallRecorder } from './call-records.js';
export type { CallRecorderOptions } from './call-records.js';
export { combineObservers } from './combine-observers.js';
export { createLog, createSink, logOfCall } from './log.js';
export type { CallLog, Logger, Sink } from './log.js';
export { maskSip } from './mask.js';
export { Metrics } from './metrics.js';
export type { CallLabels, CallTimes, Direction, EngineCounts, Figures, MetricsOptions } from './metrics.js';
export { openSipTrace } from './sip-trace.js';
export type { SipTrace, SipTraceEvent, SipTraceOptions } from './sip-trace.js';
