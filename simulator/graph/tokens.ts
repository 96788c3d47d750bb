import { createHash } from 'node:crypto';
import { badToken, invalidParameter, missingScope } from './errors.js';
import type { AccessToken } from './options.js';
import type { ApiRequest, Json, World } from './world.js';

export type Scope = 'whatsapp_business_management' | 'whatsapp_business_messaging';

const seconds = (ms: number | undefined): number => (ms === undefined ? 0 : Math.floor(ms / 1000));

/** The token of a request. In the header only: Meta takes access_token in the query as well, where logs keep it. */
export function authenticate(authorization: string | undefined, world: World): AccessToken {
  const value = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
  if (value === undefined) throw badToken('An access token is required to request this resource.', 467);
  const token = world.tokens.get(value);
  if (!token) throw badToken('The access token could not be decrypted.', 467);
  if (expired(token, world)) throw badToken('Session has expired.', 463);
  return token;
}

/** Settings and numbers: 200 without the permission; messages, permissions, calls: 10. */
export function authorize(token: AccessToken, scope: Scope): void {
  if (token.scopes.includes(scope)) return;
  throw missingScope(scope === 'whatsapp_business_management' ? 200 : 10, scope);
}

export function debugToken({ query, token }: ApiRequest, world: World): Json {
  const value = query.get('input_token');
  if (value === null) throw invalidParameter('input_token is required');
  const seen = world.tokens.get(value);
  if (!seen) {
    return { data: { is_valid: false, scopes: [], error: { code: 190, message: 'Invalid OAuth access token.' } } };
  }
  if (seen.appId !== token.appId) throw invalidParameter('The app of input_token is not the app of the token');
  return {
    data: {
      app_id: seen.appId,
      type: 'SYSTEM_USER',
      application: appName(seen.appId, world),
      data_access_expires_at: seconds(seen.dataAccessExpiresAtMs),
      expires_at: seconds(seen.expiresAtMs),
      is_valid: !expired(seen, world),
      scopes: seen.scopes,
      granular_scopes: seen.scopes.map((scope) => ({ scope })),
      user_id: createHash('sha256').update(value).digest().readUInt32BE().toString(),
      ...(expired(seen, world) && { error: { code: 190, subcode: 463, message: 'Session has expired.' } }),
    },
  };
}

export function getApp({ token }: ApiRequest, world: World): Json {
  return { id: token.appId, name: appName(token.appId, world) };
}

/** Enough to tell tokens apart in a log. */
export const tokenHash = (value: string): string => createHash('sha256').update(value).digest('hex').slice(0, 12);

const expired = ({ expiresAtMs }: AccessToken, world: World): boolean =>
  expiresAtMs !== undefined && expiresAtMs <= world.clock();

const appName = (appId: string, { options }: World): string =>
  appId === options.appId ? (options.appName ?? 'Trunk') : `App ${appId}`;
