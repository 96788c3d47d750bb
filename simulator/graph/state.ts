import type { SentMessage } from './messages/sent.js';
import type { BusinessNumber, HealthOverrides, Restriction } from './numbers/business-number.js';
import type { Pair } from './permissions/pair.js';
import type { Calling } from './settings/calling.js';
import type { KeptCall } from './users.js';
import type { World } from './world.js';

/** A number as Meta holds it, passwords included. */
export interface NumberState {
  readonly phoneNumberId: string;
  readonly number: string;
  readonly calling: Calling;
  readonly restrictions: readonly Restriction[];
  readonly health: HealthOverrides;
}

export interface PairState extends Pair {
  readonly phoneNumberId: string;
  /** Number without +, or BSUID. */
  readonly user: string;
}

/** What Meta holds now; copies, so that a test can keep one and compare. */
export interface GraphState {
  readonly numbers: readonly NumberState[];
  /** By phone number id or +E164; throws for one that Meta does not know. */
  number(number: string): NumberState;
  readonly pairs: readonly PairState[];
  pair(number: string, user: string): PairState;
  readonly messages: readonly SentMessage[];
  readonly calls: readonly KeptCall[];
}

export function stateOf(world: World): GraphState {
  return {
    get numbers() {
      return [...world.numbers.values()].map(numberState);
    },
    number: (number) => numberState(numberOf(world, number)),
    get pairs() {
      return world.permissions.all().map(({ phoneNumberId, user, pair }) => pairState(phoneNumberId, user, pair));
    },
    pair: (number, user) => {
      const { id } = numberOf(world, number);
      return pairState(id, user.replace(/^\+/, ''), world.permissions.get(id, user));
    },
    get messages() {
      return structuredClone(world.messages);
    },
    get calls() {
      return structuredClone(world.calls);
    },
  };
}

export function numberOf(world: World, number: string): BusinessNumber {
  const found = world.numbers.get(number) ?? [...world.numbers.values()].find((known) => known.number === number);
  if (!found) throw new TypeError(`Graph stand-in: there is no number ${number}`);
  return found;
}

const numberState = ({ id, number, calling, restrictions, health }: BusinessNumber): NumberState =>
  structuredClone({ phoneNumberId: id, number, calling, restrictions, health });

const pairState = (phoneNumberId: string, user: string, pair: Pair): PairState =>
  structuredClone({ phoneNumberId, user, ...pair });
