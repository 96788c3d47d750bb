/** The WhatsApp users whom the business calls, and how the PBX is made to call them. */
import type { BusinessCall, Plan } from '../../simulator/index.js';
import type { PhoneCall } from '../phone/call.js';
import type { Phone } from '../phone/phone.js';
import type { OutboundRoute } from '../processes/index.js';
import type { Stage } from './stage.js';

/** Each is called once, so that a call is known by its user on every leg. */
export class Callees {
  readonly #plans = new Map<string, Plan>();

  constructor(private readonly stage: Stage) {
    const meta = stage.meta?.joined ?? stage.edge;
    meta.onBusinessCall((call) => this.#plans.get(call.to) ?? { kind: 'refuse', refusal: 'no-permission' });
  }

  /** What this user does from now on. */
  set(user: string, plan: Plan): void {
    this.#plans.set(user, plan);
  }

  /** A user, +E.164, who does this when called. */
  add(plan: Plan): string {
    const user = `+1219555${String(1000 + this.#plans.size)}`;
    this.#plans.set(user, plan);
    return user;
  }

  /** The PBX calls a user; who answers gets an extension of asterisk/extensions.conf. */
  async originate(route: OutboundRoute, user: string, extension: string): Promise<Originated> {
    const came = this.stage.edge.nextBusinessCall(user).then((call) => ({ call, startedAt: Date.now() }));
    const started = this.stage.asterisk.cli(
      `channel originate ${localChannel(route, user)}@to-whatsapp/n extension ${extension}@wa-trunk-test`,
    );
    const [originated] = await Promise.all([came, started]);
    return originated;
  }

  /** An agent calls a user. */
  async dial(phone: Phone, route: OutboundRoute, user: string): Promise<Dialled> {
    const came = this.stage.edge.nextBusinessCall(user);
    const [business, call] = await Promise.all([came, phone.call(`${route.prefix}${user}`)]);
    return { business, call };
  }
}

export interface Originated {
  readonly call: BusinessCall;
  /** ms since the epoch. */
  readonly startedAt: number;
}

export interface Dialled {
  /** At Meta. */
  readonly business: BusinessCall;
  /** At the agent's phone. */
  readonly call: PhoneCall;
}

/** The beginning of Asterisk's name for the channel that an originated call has. */
export function localChannel({ prefix }: OutboundRoute, user: string): string {
  return `Local/${prefix}${user}`;
}
