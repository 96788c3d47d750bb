import type { Calls } from '../calls/calls.js';
import type { LimitFigures } from '../calls/limits.js';
import type { Config } from '../config/types.js';
import type { ApiPorts, CallbacksPort } from '../http/api-ports.js';
import { startHttp, type Health, type HttpServer, type NumberHealth, type PartHealth } from '../http/server.js';
import type { MediaPort } from '../media/port.js';
import type { SipPort } from '../sip/port.js';
import type { NumberSnapshot } from '../whatsapp/health/index.js';
import type { ControlPlane } from './control-plane.js';
import type { Closers, GatewayDeps } from './parts.js';
import { permissionsPort } from './permissions-port.js';

export interface HttpParts {
  readonly sip: SipPort;
  readonly media: MediaPort;
  readonly calls: Calls;
  readonly limits: () => LimitFigures;
  readonly control: ControlPlane;
  readonly callbacks: CallbacksPort;
}

export async function startHttpIfWanted(
  config: Config,
  { log, metrics }: GatewayDeps,
  parts: HttpParts,
  closers: Closers,
): Promise<HttpServer | undefined> {
  const { listen, token } = config.http;
  if (listen === undefined) return undefined;
  const http = await startHttp({
    ...{ listen, metrics },
    log: log.child({ part: 'http' }),
    health: () => healthOf(config, parts),
    ...(token === undefined ? {} : { api: { token, ports: apiPorts(config, parts) } }),
  });
  closers.push(() => http.close());
  return http;
}

function apiPorts(config: Config, { control, callbacks, limits }: HttpParts): ApiPorts {
  return {
    callbacks,
    permissions: permissionsPort(config, control.permissions),
    numbers: {
      list: () =>
        Promise.resolve(
          config.numbers.map((number) => {
            const { number: _, ...health } = numberHealth(number.number, control);
            const figures = limits().calls.find(({ limit, name }) => limit === 'number' && name === number.number);
            return {
              ...{ number: number.number, trunk: number.trunk, settings: control.drift.of(number), health },
              ...(number.phoneNumberId === undefined ? {} : { phoneNumberId: number.phoneNumberId }),
              calls: { active: figures?.calls ?? 0, max: number.maxCalls },
            };
          }),
        ),
    },
  };
}

function healthOf(config: Config, { sip, media, calls, control }: HttpParts): Health {
  const parts: Record<string, PartHealth> = { sip: part(sip.up), media: part(media.healthy) };
  const concerns = control.health?.concerns ?? [];
  const general = concerns.filter(({ number }) => number === undefined);
  // What fails there leaves calls alone.
  if (control.health !== undefined) {
    parts.graph = {
      status: general.length === 0 ? 'ok' : 'degraded',
      ...(general.length === 0
        ? {}
        : { detail: { concerns: general.map(({ text, remedy = '' }) => ({ text, remedy })) } }),
    };
  }
  const numbers =
    control.health === undefined ? {} : { numbers: config.numbers.map((n) => numberHealth(n.number, control)) };
  return { draining: calls.draining, parts, ...numbers };
}

function part(works: boolean): PartHealth {
  return { status: works ? 'ok' : 'down' };
}

function numberHealth(number: string, { health }: ControlPlane): NumberHealth {
  const snapshot = health?.snapshot.numbers.find((one) => one.number === number);
  const checkedAtMs = health?.snapshot.atMs;
  return {
    number,
    calls: snapshot?.health.value?.sip ?? 'unknown',
    ...(checkedAtMs === undefined ? {} : { checkedAtMs }),
    problems: [...problemsOf(snapshot), ...restrictionsOf(snapshot)],
  };
}

function problemsOf(snapshot: NumberSnapshot | undefined): NumberHealth['problems'] {
  return (snapshot?.health.value?.entities ?? []).flatMap(({ type, problems }) =>
    problems.map(({ text, ...more }) => ({ entity: type, description: text, ...more })),
  );
}

function restrictionsOf(snapshot: NumberSnapshot | undefined): NumberHealth['problems'] {
  return (snapshot?.restrictions.value ?? []).map(({ type, reason, expiresAtMs }) => ({
    entity: 'RESTRICTION',
    description: [type, reason, expiresAtMs === undefined ? undefined : `until ${new Date(expiresAtMs).toISOString()}`]
      .filter((text) => text !== undefined)
      .join(', '),
  }));
}
