import { GraphError } from '../whatsapp/graph/index.js';
import type { Concern } from '../whatsapp/health/index.js';
import type { Finding } from './check.js';

/** Concerns as one finding: the worst severity, and what to do about each; without any it is `good`. */
export function findingOf(concerns: readonly Pick<Concern, 'severity' | 'text' | 'remedy'>[], good: string): Finding {
  if (concerns.length === 0) return { result: 'ok', evidence: good };
  const remedies = [...new Set(concerns.flatMap(({ remedy }) => (remedy === undefined ? [] : [remedy])))];
  return {
    result: concerns.some(({ severity }) => severity === 'fail') ? 'fail' : 'warn',
    evidence: concerns.map(({ text }) => text).join('; '),
    ...(remedies.length === 0 ? {} : { remedy: remedies.join('; ') }),
  };
}

/** What Meta refused, or why it could not be asked. Anything else is thrown on. */
export function findingOfGraphError(error: unknown): Finding {
  if (!(error instanceof GraphError)) throw error;
  const { message, meaning, remedy } = error.fault;
  if (remedy === undefined) return { result: 'fail', evidence: message };
  // The message of a refusal ends with both.
  return { result: 'fail', evidence: message.replace(`; ${meaning ?? ''}: ${remedy}`, `; ${meaning ?? ''}`), remedy };
}
