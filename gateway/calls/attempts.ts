/** A route plan made concrete: the hosts to dial, one after the other. */
import type { Destination, RoutePlan } from './routing.js';
import type { Choice, TrunkPeer } from './trunks.js';

export interface Stop {
  readonly destination: Destination;
  readonly peer: TrunkPeer;
}

/**
 * Every host of every destination in turn. A trunk that is known to be down is passed over as long as another one is not;
 * when all are down, they are tried all the same.
 */
export function stopsOf(plan: Pick<RoutePlan, 'destinations'>, choose: (trunk: string) => Choice): readonly Stop[] {
  const choices = plan.destinations.map((destination) => ({ destination, ...choose(destination.trunk.name) }));
  const up = choices.filter(({ down }) => !down);
  return (up.length > 0 ? up : choices).flatMap(({ destination, peers }) =>
    peers.map((peer) => ({ destination, peer })),
  );
}
