/** What Meta says: the API itself, the token, each number, its settings, its SIP password. */
import { readFile } from 'node:fs/promises';
import type { NumberConfig } from '../../config/index.js';
import { createDispatcher } from '../../whatsapp/graph/exchange.js';
import { inspectToken } from '../../whatsapp/graph/index.js';
import {
  HEALTH_FIELDS,
  numberConcerns,
  readNumberHealth,
  readRestrictions,
  timeConcerns,
  timeToMeta,
  tokenConcerns,
} from '../../whatsapp/health/index.js';
import { compareSettings, wantedCalling } from '../../whatsapp/settings/index.js';
import { NO_TOKEN } from '../check.js';
import type { Check, Context, Finding } from '../check.js';
import { findingOf, findingOfGraphError } from '../findings.js';

export const graphCheck: Check = {
  id: 'graph',
  title: 'Graph API',
  async run({ config: { graph } }) {
    if (graph === undefined) return NO_TOKEN;
    const ca = graph.ca === undefined ? undefined : await readFile(graph.ca, 'utf8');
    const dispatcher = createDispatcher(graph.timeoutMs, ca);
    try {
      const time = await timeToMeta({ url: graph.url, dispatcher, timeoutMs: graph.timeoutMs });
      const clock =
        time.clockAheadMs === undefined ? 'it tells no time' : `clocks ${secondsApart(time.clockAheadMs)} apart`;
      return findingOf(timeConcerns({ value: time }), `${graph.url} answers in ${time.latencyMs} ms, ${clock}`);
    } catch (error) {
      return findingOf(timeConcerns({ fault: reasonOf(error) }), '');
    } finally {
      await dispatcher.destroy();
    }
  },
};

export const tokenCheck: Check = {
  id: 'token',
  title: 'access token',
  run: (context) =>
    asked(context, async ({ graph, token }) => {
      const value = await inspectToken(graph, (await token()) ?? '');
      const { type, appId, scopes, expiresAtMs } = value;
      const expiry = expiresAtMs === undefined ? 'does not expire' : `until ${new Date(expiresAtMs).toISOString()}`;
      const what = `${type ?? 'token'} of app ${appId ?? 'unknown'}, ${expiry}, with ${scopes.join(', ')}`;
      return findingOf(tokenConcerns({ value }, context.now()), what);
    }),
};

export function numberCheck({ number, phoneNumberId }: NumberConfig): Check {
  return {
    id: 'number',
    title: `number ${number}`,
    run: (context) =>
      asked(context, async ({ graph }) => {
        if (phoneNumberId === undefined) return UNMANAGED;
        const health = readNumberHealth(await graph.get(phoneNumberId, { fields: HEALTH_FIELDS }));
        const restrictions = readRestrictions(await graph.get(`${phoneNumberId}/settings`));
        const concerns = numberConcerns(
          { number, health: { value: health }, restrictions: { value: restrictions } },
          context.now(),
        );
        if (concerns.length === 0 && health.sip === 'unknown') return { result: 'warn', ...NOT_SAID };
        const quality = health.quality === undefined ? '' : `, quality ${health.quality}`;
        return findingOf(concerns, `can receive calls over SIP${quality}`);
      }),
  };
}

const UNMANAGED: Finding = { result: 'skip', evidence: 'no phoneNumberId: Meta cannot be asked about it' };
const NOT_SAID = {
  evidence: 'Meta does not say whether it can receive calls over SIP',
  remedy: 'see the number in WhatsApp Manager',
} as const;

export function settingsCheck({ number, phoneNumberId, calling }: NumberConfig): Check {
  return {
    id: 'settings',
    title: `settings of ${number}`,
    run: (context) =>
      asked(context, async ({ graph, token }) => {
        if (phoneNumberId === undefined || calling === undefined) {
          return { result: 'skip', evidence: 'not in the configuration: they are left alone' };
        }
        const { appId } = await inspectToken(graph, (await token()) ?? '');
        const { changes } = await compareSettings({ graph, phoneNumberId, appId, wanted: wantedCalling(calling) });
        if (changes.length === 0) return { result: 'ok', evidence: 'as in the configuration' };
        const paths = changes.map(({ path }) => path).join(', ');
        const remedy = 'wa-trunk plan shows how, wa-trunk apply brings Meta back to the configuration';
        return { result: 'fail', evidence: `Meta differs from the configuration in ${paths}`, remedy };
      }),
  };
}

export function sipPasswordCheck({ number, phoneNumberId, sipPassword }: NumberConfig): Check {
  return {
    id: 'sip-password',
    title: `SIP password of ${number}`,
    run: async (context) => {
      if (sipPassword !== undefined) return { result: 'ok', evidence: 'in the configuration' };
      if (context.meta === undefined || phoneNumberId === undefined) {
        return { result: 'fail', evidence: 'there is none: calls out are refused', remedy: PASSWORD_REMEDY };
      }
      return asked(context, async ({ graph }) => {
        const settings = await graph.get(`${phoneNumberId}/settings`, { include_sip_credentials: 'true' });
        const { hostname } = context.config.gateway;
        if (hasPassword(settings, hostname)) return { result: 'ok', evidence: `Meta gives one for ${hostname}` };
        const remedy = `set ${hostname} as SIP server with a token of the same app: numbers[].calling.sip, wa-trunk apply`;
        return { result: 'fail', evidence: `Meta gives none for ${hostname}`, remedy };
      });
    },
  };
}

const PASSWORD_REMEDY = 'set numbers[].sipPasswordFile, or phoneNumberId and graph.tokenFile, so that it is fetched';

function hasPassword(settings: unknown, hostname: string): boolean {
  const servers: unknown = member(member(member(settings, 'calling'), 'sip'), 'servers');
  const list: readonly unknown[] = Array.isArray(servers) ? servers : [];
  return list.some((server) => {
    const password = member(server, 'sip_user_password');
    return member(server, 'hostname') === hostname && typeof password === 'string' && password !== '';
  });
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

async function asked(
  { meta }: Context,
  ask: (meta: NonNullable<Context['meta']>) => Promise<Finding>,
): Promise<Finding> {
  if (meta === undefined) return NO_TOKEN;
  try {
    return await ask(meta);
  } catch (error) {
    return findingOfGraphError(error);
  }
}

function secondsApart(ms: number): string {
  return Math.abs(ms) < 1000 ? 'less than 1 s' : `${Math.round(Math.abs(ms) / 1000)} s`;
}

function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return message !== '' ? message : String((cause as Error | undefined)?.message ?? error);
}
