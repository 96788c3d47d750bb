import { randomBytes } from 'node:crypto';
import { Faults } from './faults.js';
import { BusinessNumber, type HealthOverrides, type Restriction } from './numbers/business-number.js';
import { defaultSwitches, LIMITS, type AccessToken, type GraphSimOptions, type Switches } from './options.js';
import { PermissionBook } from './permissions/book.js';
import { RequestRate } from './permissions/endpoint.js';
import type { SeenRequest } from './request-log.js';
import { createRouter } from './router.js';
import { GraphServer } from './server.js';
import { writeSettings } from './settings/endpoint.js';
import { callingWrite, type CallingWrite } from './settings/shape.js';
import { numberOf, stateOf, type GraphState, type NumberState } from './state.js';
import { createUsers, openWindow, recordCall, type CallEffect, type RecordedCall, type Users } from './users.js';
import { Webhooks } from './webhooks/webhooks.js';
import type { World } from './world.js';

export type SettingsListener = (settings: NumberState) => void;

/** Meta's Graph API on loopback. Numbers are named by phone number id or +E164. */
export class GraphSim {
  readonly state: GraphState;
  /** Every request so far. */
  readonly requests: readonly SeenRequest[];
  readonly faults: Faults;
  readonly switches: Switches;
  readonly permissions: Users;
  readonly webhooks: Webhooks;
  readonly #listeners: Set<SettingsListener>;

  constructor(
    private readonly world: World,
    private readonly server: GraphServer,
    parts: { readonly requests: SeenRequest[]; readonly faults: Faults; readonly listeners: Set<SettingsListener> },
  ) {
    this.state = stateOf(world);
    this.requests = parts.requests;
    this.faults = parts.faults;
    this.switches = world.switches;
    this.permissions = createUsers(world);
    this.webhooks = new Webhooks(world);
    this.#listeners = parts.listeners;
  }

  /** http(s)://host:port, without version. */
  get url(): string {
    return this.server.url;
  }

  settingsOf(number: string): NumberState {
    return this.state.number(number);
  }

  /** Of the app's SIP server; undefined: the app has none. Default app: the one of the options. */
  passwordOf(number: string, appId = this.world.options.appId): string | undefined {
    return numberOf(this.world, number).serverOf(appId)?.sip_user_password;
  }

  /** Called after every change of a number's settings. @returns removes it */
  onSettings(listener: SettingsListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** As somebody else would change them, past any token. */
  changeSettings(number: string, calling: CallingWrite): void {
    const known = numberOf(this.world, number);
    writeSettings(callingWrite(calling, 'calling'), this.world.options.appId, known, this.world);
    this.world.settingsChanged(known);
  }

  recordCall(call: RecordedCall): CallEffect {
    return recordCall(this.world, call);
  }

  /** The user writes: free-form messages may be sent for 24 h. */
  openWindow(number: string, user: string): void {
    openWindow(this.world, number, user);
  }

  /** Calling is paused, for low pick-up say. */
  restrict(number: string, ...restrictions: readonly Restriction[]): void {
    numberOf(this.world, number).restrictions = restrictions;
  }

  /** health_status in place of what the settings say; {} for back to that. */
  overrideHealth(number: string, health: HealthOverrides): void {
    numberOf(this.world, number).health = health;
  }

  /** A token is known from now on, or has other scopes or another expiry. */
  setToken(token: AccessToken): void {
    this.world.tokens.set(token.token, token);
  }

  removeToken(token: string): void {
    this.world.tokens.delete(token);
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#listeners.clear();
    this.webhooks.close();
    await this.server.close();
  }
}

export async function startGraph(options: GraphSimOptions): Promise<GraphSim> {
  const listeners = new Set<SettingsListener>();
  const world = createWorld(options, (number) => {
    const settings = stateOf(world).number(number.id);
    for (const listener of listeners) listener(settings);
  });
  const requests: SeenRequest[] = [];
  const faults = new Faults(options.businessAccountId);
  const server = new GraphServer({
    host: options.host ?? '127.0.0.1',
    port: options.port ?? 0,
    ...(options.tls && { tls: options.tls }),
    route: createRouter(world, new RequestRate()),
    faults,
    log: requests,
    clock: world.clock,
    newTraceId: () => `A${world.random(16).toString('base64url')}`,
  });
  await server.listen();
  return new GraphSim(world, server, { requests, faults, listeners });
}

function createWorld(options: GraphSimOptions, settingsChanged: World['settingsChanged']): World {
  const clock = options.clock ?? Date.now;
  const limits = LIMITS[options.mode];
  const world: World = {
    options,
    version: options.version ?? 'v25.0',
    limits,
    switches: defaultSwitches(),
    templates: options.templates ?? [],
    numbers: new Map(options.numbers.map((number) => [number.phoneNumberId, new BusinessNumber(number)])),
    tokens: new Map(options.tokens.map((token) => [token.token, token])),
    permissions: new PermissionBook(clock, limits),
    messages: [],
    calls: [],
    clock,
    random: options.random ?? randomBytes,
    settingsChanged,
  };
  for (const { phoneNumberId, calling } of options.numbers) {
    if (calling) writeSettings(callingWrite(calling, 'calling'), options.appId, numberOf(world, phoneNumberId), world);
  }
  return world;
}
