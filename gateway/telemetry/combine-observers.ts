import type { CallObserver } from '../calls/observer.js';

/** All of them are told, in this order; what one of them throws is logged and reaches neither the others nor the call. */
export function combineObservers(
  observers: readonly CallObserver[],
  log: { error(fields: object, message: string): void },
): CallObserver {
  const tell = (what: (observer: CallObserver) => void): void => {
    for (const observer of observers) {
      try {
        what(observer);
      } catch (err) {
        log.error({ err }, 'an observer of calls failed');
      }
    }
  };
  return {
    refused: (refusal) => tell((observer) => observer.refused(refusal)),
    started: (call) => tell((observer) => observer.started(call)),
    ended: (call, record) => tell((observer) => observer.ended(call, record)),
    trouble: (call, trouble) => tell((observer) => observer.trouble(call, trouble)),
  };
}
