import { startEngine, type Engine, type EngineOptions, type ListenAddress } from '../../../gateway/engine/index.js';
import { connectSrf, disconnect, type Srf } from './srf.js';

export interface Lab {
  engine: Engine;
  srf: Srf;
  /** Where the engine listens. */
  at: (transport: string) => { address: string; port: number };
  far: { host: string; port: number; secret: string };
  close: () => Promise<void>;
}

/** T1 of the engines in these tests (ms): timeouts come after 64 of them. */
export const T1 = 20;

/** An engine on loopback with an app connected. */
export async function openLab(
  options: Partial<EngineOptions> = {},
  routes: Parameters<typeof connectSrf>[1] = {},
  transports: ListenAddress['transport'][] = options.tls ? ['udp', 'tcp', 'tls'] : ['udp', 'tcp'],
): Promise<Lab> {
  const engine = await startEngine({
    admin: { host: '127.0.0.1', port: 0, secret: 'lab' },
    listen: transports.map((transport) => ({ transport, host: '127.0.0.1', port: 0 })),
    ...options,
    timers: { t1: T1, t2: 8 * T1, connectTimeout: 1000, ...options.timers },
  });
  const far = { host: '127.0.0.1', port: engine.adminPort, secret: 'lab' };
  const srf = await connectSrf(far, routes);
  return {
    engine,
    srf,
    far,
    at: (transport) => ({
      address: '127.0.0.1',
      port: engine.addresses.find((a) => a.transport === transport)?.port ?? 0,
    }),
    close: async () => {
      await disconnect(srf);
      await engine.close();
    },
  };
}
