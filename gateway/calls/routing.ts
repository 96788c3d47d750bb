/** From what a user's call carries to trunks and extensions. */
import type { Config, Fallback, NumberConfig, RouteConfig, TrunkConfig } from '../config/types.js';
import { createOpeningHours } from './hours.js';

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

export interface RoutePlan {
  /** In the order to try; the next one when no host of a trunk is reached. Empty: the call is refused at once. */
  readonly destinations: readonly Destination[];
  /** SIP status for a caller who gets through to none of them; undefined: by what the last one did. */
  readonly status: number | undefined;
  /** It is outside of the hours of the route that would have taken it. */
  readonly closed: boolean;
}

interface Rule extends RouteConfig {
  readonly isOpen: (at: Date) => boolean;
}

export class Router {
  readonly #numbers: ReadonlyMap<string, NumberConfig>;
  readonly #trunks: ReadonlyMap<string, TrunkConfig>;
  readonly #rules: readonly Rule[];
  readonly #now: () => Date;

  constructor(config: Pick<Config, 'numbers' | 'trunks' | 'routes'>, now: () => Date = () => new Date()) {
    this.#numbers = new Map(config.numbers.map((n) => [n.number, n]));
    this.#trunks = new Map(config.trunks.map((t) => [t.name, t]));
    this.#rules = config.routes.map((route) => {
      const { hours } = route.match;
      return { ...route, isOpen: hours === undefined ? () => true : createOpeningHours(hours) };
    });
    this.#now = now;
  }

  /** The configured number behind a dialled user part, with or without "+". */
  number(user: string): NumberConfig | undefined {
    return this.#numbers.get(user.startsWith('+') ? user : `+${user}`);
  }

  /**
   * The first route that matches; without one, the number's own trunk with the number as extension. A route that matches but
   * for its hours leads to its fallback, or is passed over when it has none.
   */
  plan(number: NumberConfig, facts: CallFacts): RoutePlan {
    const now = this.#now();
    const matching = this.#rules.filter((rule) => matches(rule, facts));
    const rule = matching.find((one) => one.isOpen(now) || one.fallback !== undefined);
    const trunk = rule?.trunk ?? number.trunk;
    const extension = rule?.extension ?? number.number;
    const closed = rule !== undefined && !rule.isOpen(now);
    const meant = { trunk, extension };
    const plan = closed
      ? this.#follow([], meant, rule.fallback)
      : this.#follow([meant], meant, rule?.fallback ?? this.#trunks.get(trunk)?.fallback);
    return { ...plan, closed };
  }

  /** Where one fallback after the other leads; to each trunk once, as two may stand in for each other. */
  #follow(
    begun: readonly Step[],
    meant: Step,
    fallback: Fallback | undefined,
  ): Pick<RoutePlan, 'destinations' | 'status'> {
    const steps = [...begun];
    let status: number | undefined;
    let from = meant;
    for (let next = fallback; next !== undefined; next = this.#trunks.get(from.trunk)?.fallback) {
      status ??= next.status;
      from = { trunk: next.trunk ?? from.trunk, extension: next.extension ?? from.extension };
      const leads = next.trunk !== undefined || next.extension !== undefined;
      if (!leads || steps.some(({ trunk }) => trunk === from.trunk)) break;
      steps.push(from);
    }
    const destinations = steps.flatMap(({ trunk, extension }): Destination[] => {
      const config = this.#trunks.get(trunk);
      return config === undefined ? [] : [{ trunk: config, extension }];
    });
    return { destinations, status };
  }
}

interface Step {
  readonly trunk: string;
  readonly extension: string;
}

function matches({ match }: RouteConfig, facts: CallFacts): boolean {
  return (
    (match.number === undefined || match.number === facts.number) &&
    (match.payload === undefined || match.payload === facts.payload) &&
    (match.country === undefined || match.country.toUpperCase() === facts.country?.toUpperCase()) &&
    Object.entries(match.userParams ?? {}).every(([name, value]) => facts.userParams.get(name.toLowerCase()) === value)
  );
}
