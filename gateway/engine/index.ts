export { startEngine } from './engine.js';
export { DEFAULT_LIMITS, DEFAULT_TIMERS } from './types.js';
export type {
  Endpoint,
  Engine,
  EngineLog,
  EngineOptions,
  EngineStats,
  Limits,
  ListenAddress,
  Resolver,
  RouteHop,
  Source,
  SrvAnswer,
  Timers,
  TraceEvent,
  Transport,
} from './types.js';
