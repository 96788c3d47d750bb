/* eslint-disable no-console -- a command: its output is its result */
/**
 * Measures media against the gate of docs/decisions/0001-media.md: `tsx bench/media-gate.ts [10|26] [hold seconds]`, and of
 * 0002-pbx-side.md.
 */
import { requireComponent } from '../lab/components/index.js';
import { startRtpengine } from '../lab/processes/index.js';
import { createMediaShare } from '../simulator/media/index.js';
import { BUSINESS_PAIRS, runBusinessGate } from './media/business-gate.js';
import { describe, PAIRS, runGate } from './media/gate.js';
import { MediaProcess } from './media/media-process.js';

const version = process.argv[2] === '10' ? 'rtpengine-10' : 'rtpengine-26';
const holdMs = Number(process.argv[3] ?? 30) * 1000;

const rtpengine = await startRtpengine({ component: requireComponent(version), mediaPorts: 1000 });
const media = MediaProcess.start(rtpengine.ngPort);
const share = createMediaShare();
try {
  for (const pair of PAIRS) {
    for (const early of pair.keying === 'dtls' ? [false, true] : [false]) {
      const result = await runGate({ pair, share, holdMs, earlyClientHello: early, open: (call) => media.open(call) });
      const name = `${version} ${pair.keying}${early ? ' (early ClientHello taken)' : ''} ${pair.whatsapp}>${pair.pbx}`;
      console.log(`${name}: ${describe(result)}`);
    }
  }
  for (const pair of BUSINESS_PAIRS) {
    for (const early of pair.keying === 'dtls' ? [false, true] : [false]) {
      const open = (call: Parameters<typeof media.openBusiness>[0]) => media.openBusiness(call);
      const result = await runBusinessGate({ pair, share, holdMs, earlyClientHello: early, open });
      const to = `${pair.whatsapp}<${pair.pbx}, then ${pair.then}`;
      const name = `${version} business ${pair.keying}${early ? ' (early ClientHello taken)' : ''} ${to}`;
      console.log(`${name}: ${describe(result)}, directions ${result.directions.join(' ')}`);
    }
  }
} finally {
  share.close();
  await media.close();
  await rtpengine.close();
}
