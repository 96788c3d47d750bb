import { setTimeout as delay } from 'node:timers/promises';
import type { CallerCall, Ended, Final } from '../load/caller-call.js';
import type { Callers } from '../load/callers.js';
import type { Link } from '../load/link.js';
import type { Pbx } from '../load/pbx.js';
import type { PbxPlan } from '../load/pbx-call.js';

export interface World {
  readonly callers: Callers;
  readonly pbx: Pbx;
  /** What the PBX does with the call of a number; set before the call is placed. */
  readonly plans: Map<string, PbxPlan>;
  /** The connection that calls share, unless they cut theirs. */
  readonly link: Link;
  readonly holdMs: number;
}

/** The gateway has too much to do just now, and the call is to be tried again: Q.850's cause 42, congestion. */
export const CONGESTED = 'refused: congestion';
const CONGESTION = 42;
/** What a caller is told when no host of the trunk answers. */
const UNREACHABLE = 503;

/** Returns what is wrong with how the call went; undefined when it went as it must. */
export type Play = (world: World, from: string) => Promise<string | undefined>;

/** A call as most are. */
export const ordinary: Play = async (world, from) => {
  const call = world.callers.place(world.link, from);
  return answeredThen(call, async () => {
    await delay(world.holdMs);
    call.bye();
    return 'by caller';
  });
};

/** What befalls one call in four. */
export const TROUBLES: Readonly<Record<string, Play>> = {
  'cancelled while it rings': async (world, from) => {
    const call = place(world, from, 'ring');
    await Promise.race([call.ringing, call.final]);
    call.cancel();
    return refusedWith(await call.final, 487);
  },
  'cancelled before it rings': async (world, from) => {
    const call = place(world, from, 'ring');
    await Promise.race([call.authenticated, call.final]);
    call.cancel();
    return refusedWith(await call.final, 487);
  },
  'cancelled as it is answered': async (world, from) => {
    const call = place(world, from, 'answer');
    await Promise.race([call.ringing, call.final]);
    await delay(world.holdMs / 4);
    call.cancel();
    const final = await call.final;
    return final.kind === 'answered' ? endedAs(await call.ended, 'by caller') : refusedWith(final, 487);
  },
  'refused: busy': async (world, from) => refusedWith(await place(world, from, 'busy').final, 486),
  'refused: wrong password': async ({ callers, link }, from) =>
    refusedWith(await callers.place(link, from, { password: 'wrong' }).final, 403),
  'refused: PBX silent': async (world, from) => {
    return refusedWith(await place(world, from, 'silent').final, UNREACHABLE);
  },
  'connection cut, caller hangs up over another': async (world, from) => {
    const { callers } = world;
    const link = await callers.openLink();
    const call = callers.place(link, from);
    return answeredThen(call, async () => {
      link.cut();
      const next = await callers.openLink();
      call.moveTo(next);
      call.bye();
      void call.ended.then(() => next.cut());
      return 'by caller';
    });
  },
  'connection cut, PBX hangs up': async (world, from) => {
    const { callers, pbx } = world;
    const link = await callers.openLink();
    return answeredThen(callers.place(link, from), () => {
      link.cut();
      pbx.hangUp(from);
      return Promise.resolve('by callee');
    });
  },
  // The answer has no connection to come back over, so it comes from the gateway to Meta's edge.
  'connection cut while it rings': async (world, from) => {
    const link = await world.callers.openLink();
    const call = world.callers.place(link, from);
    await Promise.race([call.ringing, call.final]);
    link.cut();
    return answeredThen(call, () => {
      call.bye();
      return Promise.resolve('by caller');
    });
  },
  'PBX gone silent': async (world, from) => {
    const call = place(world, from, 'answer, then silent');
    return answeredThen(call, async () => {
      await delay(world.holdMs);
      call.bye();
      return 'by caller';
    });
  },
  'both hang up at once': async (world, from) => {
    const call = place(world, from, 'answer');
    return answeredThen(call, async () => {
      await delay(world.holdMs);
      world.pbx.hangUp(from);
      call.bye();
      return undefined;
    });
  },
  'PBX hangs up': async (world, from) => {
    return answeredThen(place(world, from, 'answer'), async () => {
      await delay(world.holdMs);
      world.pbx.hangUp(from);
      return 'by callee';
    });
  },
};

function place({ callers, link, plans }: World, from: string, plan: PbxPlan): CallerCall {
  plans.set(from, plan);
  return callers.place(link, from);
}

/** `go` brings the end about and tells how it must look; undefined: either side's. */
async function answeredThen(call: CallerCall, go: () => Promise<Ended | undefined>): Promise<string | undefined> {
  const final = await call.final;
  if (final.kind !== 'answered') return describe(final);
  const expected = await go();
  const ended = await call.ended;
  return ended === 'BYE unanswered' ? ended : expected === undefined ? undefined : endedAs(ended, expected);
}

const endedAs = (ended: Ended, expected: Ended): string | undefined =>
  ended === expected ? undefined : `ended ${ended}`;

const refusedWith = (final: Final, status: number): string | undefined =>
  final.kind === 'refused' && final.status === status && final.cause !== CONGESTION ? undefined : describe(final);

function describe(final: Final): string {
  if (final.kind !== 'refused') return final.kind;
  return final.cause === CONGESTION ? CONGESTED : `refused with ${final.status}`;
}
