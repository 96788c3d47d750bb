import type { BusinessNumber, Restriction } from '../numbers/business-number.js';
import { invalidParameter } from '../errors.js';
import type { AccessToken } from '../options.js';
import type { ApiRequest, Json, World } from '../world.js';
import { written, type SipServer } from './calling.js';
import { settingsWrite, type CallingWrite } from './shape.js';

const PASSWORD_BYTES = 24;

export function getSettings({ query, token }: ApiRequest, number: BusinessNumber, world: World): Json {
  const withPassword = flag(query, 'include_sip_credentials');
  const { sip, ...calling } = number.calling;
  const restrictions = number.restrictions.filter(({ expiresAtMs }) => expiresAtMs > world.clock());
  return {
    calling: {
      ...calling,
      ...(sip && { sip: { ...sip, servers: sip.servers.map((server) => shown(server, token, withPassword, world)) } }),
      ...(restrictions.length > 0 && { restrictions: { restrictions_list: restrictions.map(shownRestriction) } }),
    },
  };
}

export function postSettings({ body, token }: ApiRequest, number: BusinessNumber, world: World): Json {
  writeSettings(settingsWrite(body, 'body').calling, token.appId, number, world);
  world.settingsChanged(number);
  return { success: true };
}

/** The listeners are not told. */
export function writeSettings(write: CallingWrite, appId: string, number: BusinessNumber, world: World): void {
  number.calling = written(number.calling, write, {
    appId,
    newPassword: () => world.random(PASSWORD_BYTES).toString('base64url'),
    sipWriteResetsKeying: world.switches.sipWriteResetsKeying,
  });
}

/** A password is for the app that set the server. */
function shown(
  { sip_user_password, app_id, ...server }: SipServer,
  token: AccessToken,
  withPassword: boolean,
  world: World,
) {
  return {
    ...server,
    app_id: world.switches.appIdType === 'number' ? Number(app_id) : app_id,
    ...(withPassword && app_id === token.appId && { sip_user_password }),
  };
}

const shownRestriction = ({ type, reason, expiresAtMs }: Restriction) => ({
  type,
  reason,
  expiration: Math.floor(expiresAtMs / 1000),
});

function flag(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  if (value === null || value === 'false') return false;
  if (value === 'true') return true;
  throw invalidParameter(`${name} must be true or false`);
}
