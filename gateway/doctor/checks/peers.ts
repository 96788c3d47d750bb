/** Who is spoken to besides Meta: rtpengine and the hosts of the PBX. */
import type { RtpengineConfig, TrunkConfig, TrunkHost } from '../../config/index.js';
import { NgClient } from '../../media/ng/client.js';
import type { Check } from '../check.js';
import { askOptions } from '../options.js';

export function rtpengineCheck({ host, port }: RtpengineConfig): Check {
  const name = `${host}:${port}`;
  return {
    id: 'rtpengine',
    title: `rtpengine ${name}`,
    async run({ config }) {
      const client = new NgClient({ host, port, timeoutMs: config.media.commandTimeoutMs });
      try {
        const begun = performance.now();
        const { result } = await client.request('ping');
        const ms = Math.round(performance.now() - begun);
        return { result: 'ok', evidence: `answers ${String(result)} in ${ms} ms` };
      } catch (error) {
        return { result: 'fail', evidence: (error as Error).message, remedy: RTPENGINE_REMEDY };
      } finally {
        client.close();
      }
    },
  };
}

const RTPENGINE_REMEDY =
  'start rtpengine with --listen-ng at this address, open its UDP port for this machine, or correct media.rtpengine';

export function pbxHostCheck(trunk: TrunkConfig, host: TrunkHost): Check {
  const at = `${host.transport} ${host.host}${host.port === undefined ? '' : `:${host.port}`}`;
  return {
    id: 'pbx-host',
    title: `trunk ${trunk.name}, ${at}`,
    async run({ config, signal }) {
      try {
        const { status, ms, address } = await askOptions(host, {
          hostname: config.gateway.hostname,
          timeoutMs: trunk.qualify.timeoutMs,
          signal,
        });
        return { result: 'ok', evidence: `${address} answers OPTIONS with ${status} in ${ms} ms` };
      } catch (error) {
        return {
          ...{ result: 'fail', evidence: (error as Error).message },
          remedy: `start the PBX, open its port for this machine, or correct trunks[].hosts of ${trunk.name}`,
        };
      }
    },
  };
}
