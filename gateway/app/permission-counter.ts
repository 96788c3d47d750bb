import type { CallObserver } from '../calls/observer.js';
import type { Permissions } from '../whatsapp/permissions/index.js';

/** Whether users take the calls of the business: Meta counts, and revokes the permission of those who do not. */
export function permissionCounter(
  permissions: Pick<Permissions<unknown>, 'connected' | 'unanswered' | 'contacted'>,
): CallObserver {
  return {
    refused: () => undefined,
    started({ direction, number, user }) {
      // A call opens the service window, answered or not.
      if (direction === 'user-initiated' && user !== undefined) void permissions.contacted(number, user, Date.now());
    },
    ended({ direction, number, user }, { answeredMs, outcome }) {
      if (direction !== 'business-initiated' || user === undefined) return;
      if (answeredMs !== undefined) void permissions.connected(number, user);
      else if (outcome.failure.code === 'no-answer' || outcome.failure.code === 'declined')
        void permissions.unanswered(number, user);
    },
    trouble: () => undefined,
  };
}
