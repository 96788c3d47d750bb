/** The calls of the scenario `control-plane`: short ones with a tone each way. */
import { setTimeout as delay } from 'node:timers/promises';
import { createMediaPeer, type MediaPeer } from '../../simulator/media/index.js';
import type { Callees } from './callees.js';
import { rounded } from './measure.js';
import type { OutboundRoute } from '../processes/index.js';
import type { CheckResult } from './result.js';
import type { Stage } from './stage.js';

/** Extensions 62x say 620 Hz for so many seconds and hang up. */
export const EXTENSION_HZ = 620;
/** What users reach who call a number. */
export const isCalled = (_number: string): string => '623';

export interface TalkedCall {
  readonly answered: boolean;
  readonly hz: number | null;
  readonly violations: readonly string[];
  readonly ended: string;
}

export const isGood = ({ answered, hz, violations }: TalkedCall): boolean =>
  answered && hz !== null && Math.abs(hz - EXTENSION_HZ) < EXTENSION_HZ / 100 && violations.length === 0;

export function openPeer(stage: Stage): Promise<MediaPeer> {
  return createMediaPeer({ keying: 'sdes', codecs: ['opus'], address: '127.0.0.1', share: stage.share });
}

/** A user calls, hears the extension's tone, and the PBX hangs up. */
export async function callIn(stage: Stage, number: string, user: string): Promise<TalkedCall> {
  const media = await openPeer(stage);
  const password = stage.meta?.graph.passwordOf(number) ?? 'none';
  const call = stage.edge.call({ from: user, to: number, media, password });
  const answered = (await call.answered) !== undefined;
  const { by, cause, status } = await call.ended;
  return talked(answered, media, call.violations, [by, cause, status]);
}

/**
 * The PBX calls a user. @param refusals INVITEs that Meta refuses before it takes one: those with a password that is no
 * longer the right one
 */
export async function callOut(
  stage: Stage,
  callees: Callees,
  route: OutboundRoute,
  user: string,
  refusals = 0,
): Promise<TalkedCall> {
  const media = await openPeer(stage);
  callees.set(user, { kind: 'answer', media });
  let { call } = await callees.originate(route, user, '622');
  for (let refused = 0; refused < refusals; refused++) call = await stage.edge.nextBusinessCall(user);
  const answered = (await call.answered) !== undefined;
  const { by, cause, status } = await call.ended;
  return talked(answered, media, call.violations, [by, cause, status]);
}

export async function talked(
  answered: boolean,
  media: MediaPeer,
  violations: readonly { readonly rule: string }[],
  ended: readonly (string | number | undefined)[],
): Promise<TalkedCall> {
  const report = answered ? await media.report() : undefined;
  await media.close();
  return {
    answered,
    hz: rounded(report?.hz, 1),
    violations: [
      ...violations.map(({ rule }) => rule),
      ...(report?.violations ?? []).map((one) => (typeof one === 'string' ? one : JSON.stringify(one))),
    ],
    ended: ended.filter((part) => part !== undefined).join(' '),
  };
}

export function callCheck(name: string, call: TalkedCall): CheckResult {
  return { name, ok: isGood(call), value: call };
}

/** What `look` finds, as soon as it is right, but at the latest after `limitMs`. */
export async function eventually<T>(
  look: () => Promise<T>,
  isRight: (value: T) => boolean,
  limitMs: number,
): Promise<T> {
  for (const end = performance.now() + limitMs; ; await delay(100)) {
    const value = await look();
    if (isRight(value) || performance.now() > end) return value;
  }
}
