/** Numbers and trunks as the configuration holds them. */
import type { NumberConfig, TrunkConfig } from '../../gateway/config/types.js';

export function numberConfig(more: Partial<NumberConfig> = {}): NumberConfig {
  return {
    number: '+12145551869',
    keying: 'dtls',
    codecs: ['opus'],
    trunk: 'main',
    maxCalls: 1000,
    uriTransportParameter: false,
    requestPermission: false,
    answerTimeoutMs: 60_000,
    ...more,
  };
}

export function trunkConfig(name: string, more: Partial<TrunkConfig> = {}): TrunkConfig {
  return {
    name,
    hosts: [{ host: '127.0.0.1', port: 5060, transport: 'udp', weight: 1 }],
    networks: ['127.0.0.1/32'],
    register: false,
    order: 'sequential',
    qualify: { intervalMs: 30_000, timeoutMs: 2000 },
    codecs: ['PCMA'],
    connectTimeoutMs: 2000,
    answerTimeoutMs: 60_000,
    callerAlias: 'whatsapp',
    ringback: 'pbx',
    ...more,
  };
}
