import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RtpengineConfig } from '../../gateway/config/types.js';
import { createMedia } from '../../gateway/media/index.js';
import type { BusinessCallMedia, MediaPort, UserCallMedia } from '../../gateway/media/port.js';
import { PBX_OFFER, SDES_OFFER } from './offers.js';

const LOG = { debug: () => undefined, info: () => undefined, warn: () => undefined };
const node = (port: number): RtpengineConfig => ({ host: '127.0.0.1', port, ipv6: false, relayAddress: '127.0.0.1' });

export function mediaOn(
  ports: readonly number[],
  instance = 'test',
  silenceMs = 5000,
  commandTimeoutMs = 600,
): MediaPort {
  return createMedia({ rtpengine: ports.map(node), commandTimeoutMs }, { instance, log: LOG, roundMs: 200, silenceMs });
}

export function call(id: string, more: Partial<UserCallMedia> = {}): UserCallMedia {
  return {
    id,
    whatsappOffer: SDES_OFFER,
    keying: 'sdes',
    whatsappCodecs: ['opus'],
    pbxCodecs: ['PCMA'],
    onLost: () => undefined,
    signal: new AbortController().signal,
    ...more,
  };
}

export function businessCall(id: string, more: Partial<BusinessCallMedia> = {}): BusinessCallMedia {
  return {
    id,
    pbxOffer: PBX_OFFER,
    keying: 'sdes',
    whatsappCodecs: ['opus'],
    pbxCodecs: ['PCMA'],
    onLost: () => undefined,
    signal: new AbortController().signal,
    ...more,
  };
}

export async function eventually(what: string, check: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 20_000; Date.now() < end; await sleep(20)) if (await check()) return;
  assert.fail(`not within 20 s: ${what}`);
}
