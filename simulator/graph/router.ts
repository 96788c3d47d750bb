import { postCall } from './calls.js';
import { unknownObject, unknownVersion } from './errors.js';
import { postMessage } from './messages/endpoint.js';
import type { BusinessNumber } from './numbers/business-number.js';
import { getNumber, getNumbers } from './numbers/endpoint.js';
import { getCallPermissions, type RequestRate } from './permissions/endpoint.js';
import { getSettings, postSettings } from './settings/endpoint.js';
import { authenticate, authorize, debugToken, getApp, type Scope } from './tokens.js';
import type { ApiRequest, Json, World } from './world.js';

export interface HttpRequest {
  readonly method: string;
  /** With version and without query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly authorization: string | undefined;
  readonly body: unknown;
  /** http(s)://host:port */
  readonly origin: string;
}

type OnNumber = (request: ApiRequest, number: BusinessNumber, world: World) => Json;
type Route =
  | {
      readonly on: 'nothing' | 'account';
      readonly scope?: Scope;
      readonly run: (request: ApiRequest, world: World) => Json;
    }
  | { readonly on: 'number'; readonly scope: Scope; readonly run: OnNumber };

const MANAGEMENT = 'whatsapp_business_management';
const MESSAGING = 'whatsapp_business_messaging';

/** By method and path below the version; `:id` is the id of a number or of the business account. */
function routes(rate: RequestRate): Readonly<Record<string, Route>> {
  return {
    'GET debug_token': { on: 'nothing', run: debugToken },
    'GET app': { on: 'nothing', run: getApp },
    'GET :id/phone_numbers': { on: 'account', scope: MANAGEMENT, run: getNumbers },
    'GET :id': { on: 'number', scope: MANAGEMENT, run: getNumber },
    'GET :id/settings': { on: 'number', scope: MANAGEMENT, run: getSettings },
    'POST :id/settings': { on: 'number', scope: MANAGEMENT, run: postSettings },
    'GET :id/call_permissions': {
      on: 'number',
      scope: MESSAGING,
      run: (request, number, world) => {
        rate.count(world);
        return getCallPermissions(request, number, world);
      },
    },
    'POST :id/messages': { on: 'number', scope: MESSAGING, run: postMessage },
    'POST :id/calls': { on: 'number', scope: MESSAGING, run: (_request, number) => postCall(number) },
  };
}

/** Finds the endpoint of a request and runs it; throws a Refusal or a ParseFault. Nothing else changes what Meta holds. */
export function createRouter(world: World, rate: RequestRate): (request: HttpRequest) => Json {
  const table = routes(rate);
  return ({ method, path, query, authorization, body, origin }) => {
    const [, version = '', first = '', ...rest] = path.split('/');
    if (version !== world.version) throw unknownVersion(version, world.version);
    const token = authenticate(authorization, world);
    const route = table[`${method} ${first}`] ?? table[[`${method} :id`, ...rest].join('/')];
    if (!route || (method !== 'GET' && method !== 'POST')) throw unknownObject(method, first);
    const request: ApiRequest = { method, query, body, token, url: `${origin}${path}` };
    switch (route.on) {
      case 'nothing':
        return route.run(request, world);
      case 'account':
        if (first !== world.options.businessAccountId) throw unknownObject(method, first);
        if (route.scope) authorize(token, route.scope);
        return route.run(request, world);
      case 'number': {
        const number = world.numbers.get(first);
        if (!number) throw unknownObject(method, first);
        authorize(token, route.scope);
        return route.run(request, number, world);
      }
    }
  };
}
