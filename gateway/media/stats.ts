import type { RelayCounters } from './conditioner/messages.js';
import type { NgReply } from './ng/client.js';
import type { LegStats, MediaStats } from './port.js';

/**
 * The figures of a call that is over: WhatsApp's side as rtpengine counted it, the PBX's side as the conditioner did
 * (rtpengine sees the conditioner's silence, too). Undefined when rtpengine did not say.
 */
export function mediaStats(
  reply: NgReply | undefined,
  whatsappTag: string,
  counters: RelayCounters | undefined,
): MediaStats | undefined {
  const fromWhatsApp = firstStream(reply, whatsappTag);
  if (fromWhatsApp === undefined || counters === undefined) return undefined;
  const { packets, bytes, dropped } = counters.fromPbx;
  return { fromWhatsApp, fromPbx: { packets, bytes, errors: dropped } };
}

function firstMedia(reply: NgReply | undefined, tag: string): unknown {
  return first(member(member(member(reply, 'tags'), tag), 'medias'));
}

function firstStream(reply: NgReply | undefined, tag: string): LegStats | undefined {
  const stats = member(first(member(firstMedia(reply, tag), 'streams')), 'stats');
  const [packets, bytes, errors] = ['packets', 'bytes', 'errors'].map((key) => member(stats, key));
  if (typeof packets !== 'number' || typeof bytes !== 'number' || typeof errors !== 'number') return undefined;
  return { packets, bytes, errors };
}

function member(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}

function first(value: unknown): unknown {
  return Array.isArray(value) ? (value as unknown[])[0] : undefined;
}
