/** What makes two events the same, and which events speak of the same thing. */
import { createHash } from 'node:crypto';
import type { Kind, WebhookEvent } from './events.js';

/** Meta sends an event again with the same content, in another company or another order: the same key. */
export function keyOf(event: WebhookEvent): string {
  return digest([event.kind, event.accountId, event.dated ? event.atMs : null, ...content(event)]);
}

function content(event: WebhookEvent): readonly unknown[] {
  switch (event.kind) {
    case 'call-created':
      return [event.numberId, event.wacid];
    case 'call-terminated':
      return [event.numberId, event.wacid, event.status];
    case 'permission-reply':
      return [event.numberId, event.user, event.messageId ?? sorted(event.raw)];
    case 'voicemail':
      return [event.numberId, event.wacid, event.mediaId];
    case 'settings-changed':
    case 'account-changed':
      return [sorted(event.raw)];
  }
}

/**
 * Of the events of one subject a later one is never followed by an earlier one. No personal data in it: it is kept.
 * An account's warnings and restrictions are each a subject of their own, lest one hides another.
 */
export function subjectOf(event: WebhookEvent): string {
  return digest(subject(event));
}

function subject(event: WebhookEvent): readonly unknown[] {
  switch (event.kind) {
    case 'call-created':
    case 'call-terminated':
      return ['call', event.wacid];
    case 'voicemail':
      return ['voicemail', event.wacid];
    case 'permission-reply':
      return ['permission', event.numberId, event.user];
    case 'settings-changed':
      return ['settings', event.numberId];
    case 'account-changed': {
      const types = event.restrictions.map(({ type }) => type).sort();
      return ['account', event.accountId, event.number, event.event, event.violation, types];
    }
  }
}

/** Meta's times are whole seconds: a call may begin and end in one. */
const RANK: Readonly<Record<Kind, number>> = {
  'call-created': 0,
  'call-terminated': 1,
  'permission-reply': 0,
  voicemail: 0,
  'settings-changed': 0,
  'account-changed': 0,
};

export interface Moment {
  readonly atMs: number;
  readonly rank: number;
}

/** A clock at Meta that is further ahead than this must not silence a subject until ours has come up. */
const AHEAD_MS = 300_000;

export function momentOf(event: WebhookEvent, receivedAtMs: number): Moment {
  return { atMs: Math.min(event.atMs, receivedAtMs + AHEAD_MS), rank: RANK[event.kind] };
}

/** Of two in the same second nobody can tell: the one that came later counts. */
export function isBefore(one: Moment, other: Moment): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.rank < other.rank);
}

function digest(parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

/** The same whatever the order of the keys. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.map(([key, inner]) => [key, sorted(inner)]);
}
