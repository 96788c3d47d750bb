/** Meta's Graph API as far as a trunk meets it: settings, numbers, permissions, messages, webhooks. */
export { startGraph, GraphSim } from './sim.js';
export type { SettingsListener } from './sim.js';
export { LIMITS, NO_BUSINESS_CALLS } from './options.js';
export type { AccessToken, GraphSimOptions, Limits, Mode, NumberOptions, Switches, Template } from './options.js';
export type { ErrorBody, RateLimit } from './errors.js';
export type { Faults, FaultScope, GivenError } from './faults.js';
export type { SeenRequest } from './request-log.js';
export type { GraphState, NumberState, PairState } from './state.js';
export type { Calling, Sip, SipServer } from './settings/calling.js';
export type { CallingWrite } from './settings/shape.js';
export type {
  HealthError,
  HealthOverride,
  HealthOverrides,
  Restriction,
  RestrictionType,
} from './numbers/business-number.js';
export type { CallEffect, KeptCall, PermissionReply, RecordedCall, Reply, Users } from './users.js';
export type { Pair, PermissionKind } from './permissions/pair.js';
export type { SentMessage } from './messages/sent.js';
export type {
  Delivery,
  Handshake,
  RetryPolicy,
  SendOptions,
  ShuffleReport,
  Tally,
  Webhooks,
} from './webhooks/webhooks.js';
export type { Attempt, Target } from './webhooks/post.js';
export type { Forgery, ShuffleOptions } from './webhooks/shuffle.js';
export type { Corruption } from './webhooks/sign.js';
export { signature } from './webhooks/sign.js';
export type {
  AccountEvent,
  CallError,
  CallEvent,
  EventParties,
  ReplyEvent,
  TerminateEvent,
  WebhookEvent,
  WebhookEvents,
} from './webhooks/events.js';
