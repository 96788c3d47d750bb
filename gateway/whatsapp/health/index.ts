/** How Meta's side is: numbers, restrictions, token, time; and how calls are picked up. */
export { HealthMonitor } from './monitor.js';
export type { HealthMonitorOptions } from './monitor.js';
export { lowPickup, PICKUP_RULES, pickupOf, readPickup } from './pickup.js';
export type { Direction, Pickup, PickupRules, Rate } from './pickup.js';
export { HEALTH_FIELDS, readNumberHealth, readRestrictions } from './read.js';
export type { Ability, NumberHealth, Problem, Restriction, SipEntity } from './read.js';
export * from './snapshot.js';
export { timeToMeta } from './time.js';
export type { TimeOptions, TimeToMeta } from './time.js';
