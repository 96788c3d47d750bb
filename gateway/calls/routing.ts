/** From what a user's call carries to a trunk and an extension. */
import type { Config, NumberConfig, RouteConfig, TrunkConfig } from '../config/types.js';

export interface CallFacts {
  /** The business number dialled, E.164 with "+". */
  readonly number: string;
  /** Payload of the call button or deep link, as the user's client sent it. */
  readonly payload: string | undefined;
  /** ISO country of the caller. */
  readonly country: string | undefined;
  /** User parameters of the request-URI. */
  readonly userParams: ReadonlyMap<string, string>;
}

export interface Destination {
  readonly trunk: TrunkConfig;
  readonly extension: string;
}

export class Router {
  readonly #numbers: ReadonlyMap<string, NumberConfig>;
  readonly #trunks: ReadonlyMap<string, TrunkConfig>;
  readonly #routes: readonly RouteConfig[];

  constructor(config: Pick<Config, 'numbers' | 'trunks' | 'routes'>) {
    this.#numbers = new Map(config.numbers.map((n) => [n.number, n]));
    this.#trunks = new Map(config.trunks.map((t) => [t.name, t]));
    this.#routes = config.routes;
  }

  /** The configured number behind a dialled user part, with or without "+". */
  number(user: string): NumberConfig | undefined {
    return this.#numbers.get(user.startsWith('+') ? user : `+${user}`);
  }

  /** The first route that matches; without one, the number's own trunk with the number as extension. */
  destination(number: NumberConfig, facts: CallFacts): Destination | undefined {
    const route = this.#routes.find((r) => matches(r, facts));
    const trunk = this.#trunks.get(route?.trunk ?? number.trunk);
    return trunk && { trunk, extension: route?.extension ?? number.number };
  }
}

function matches({ match }: RouteConfig, facts: CallFacts): boolean {
  return (
    (match.number === undefined || match.number === facts.number) &&
    (match.payload === undefined || match.payload === facts.payload) &&
    (match.country === undefined || match.country.toUpperCase() === facts.country?.toUpperCase()) &&
    Object.entries(match.userParams ?? {}).every(([name, value]) => facts.userParams.get(name.toLowerCase()) === value)
  );
}
