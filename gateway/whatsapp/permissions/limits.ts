/** What Meta allows between a business number and a user, as it was published; the configuration may say otherwise. */
import type { PermissionRules } from '../../config/types-control.js';

export interface Limits {
  readonly connectedCallsPerDay: number;
  readonly requestsPerDay: number;
  readonly requestsPerWeek: number;
  /** Unanswered calls in a row after which Meta asks the user whether to go on, and revokes the permission. */
  readonly nudgeAfterUnanswered: number;
  readonly revokeAfterUnanswered: number;
  /** ISO 3166, of business numbers. */
  readonly unavailableCountries: readonly string[];
}

const UNAVAILABLE = ['US', 'CA', 'EG', 'VN', 'NG'];

export const PRESETS: Readonly<Record<PermissionRules['preset'], Limits>> = {
  production: {
    connectedCallsPerDay: 100,
    requestsPerDay: 1,
    requestsPerWeek: 2,
    nudgeAfterUnanswered: 2,
    revokeAfterUnanswered: 4,
    unavailableCountries: UNAVAILABLE,
  },
  sandbox: {
    connectedCallsPerDay: 100,
    requestsPerDay: 25,
    requestsPerWeek: 100,
    nudgeAfterUnanswered: 5,
    revokeAfterUnanswered: 10,
    unavailableCountries: UNAVAILABLE,
  },
};

export function limitsOf({ preset, ...own }: PermissionRules): Limits {
  return { ...PRESETS[preset], ...own };
}
