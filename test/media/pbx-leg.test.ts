import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PbxCodec } from '../../gateway/config/types.js';
import type { PbxRoute } from '../../gateway/media/conditioner/messages.js';
import { PbxLeg } from '../../gateway/media/pbx-leg.js';
import { MediaFailure } from '../../gateway/media/port.js';
import { ownPbxOffer } from '../../gateway/media/sdp/pbx.js';
import { lines } from './offers.js';

function leg(codecs: readonly PbxCodec[] = ['PCMA', 'opus']): { readonly leg: PbxLeg; readonly routes: PbxRoute[] } {
  const routes: PbxRoute[] = [];
  const relay = { port: 40_000, pbx: (route: PbxRoute) => void routes.push(route) };
  return { leg: new PbxLeg({ relay, address: '192.0.2.1', codecs, offer: ownPbxOffer(codecs, ''), id: '7' }), routes };
}

function sdp(media: string, ...attributes: string[]): string {
  return lines('v=0', 'o=- 1 1 IN IP4 192.0.2.9', 's=-', 'c=IN IP4 192.0.2.9', 't=0 0', media, ...attributes);
}
const PCMA = sdp('m=audio 5000 RTP/AVP 8 101', 'a=rtpmap:101 telephone-event/8000');
const OPUS = sdp('m=audio 5000 RTP/AVP 107 96', 'a=rtpmap:107 opus/48000/2', 'a=rtpmap:96 telephone-event/48000');

const version = (text: string): number => Number(/^o=- 7 (\d+) /m.exec(text)?.[1]);
const direction = (text: string): string => /^a=(sendrecv|sendonly|recvonly|inactive)\r$/m.exec(text)?.[1] ?? '';

test('hold in every form is mirrored, the version grows with each change and stays without one', () => {
  const { leg: pbx, routes } = leg();
  const cases = [
    [PCMA, 'sendrecv', 1, true, true],
    [PCMA, 'sendrecv', 1, true, true],
    [`${PCMA}a=sendonly\r\n`, 'recvonly', 2, false, false],
    [`${PCMA}a=inactive\r\n`, 'inactive', 3, false, false],
    [`${PCMA}a=recvonly\r\n`, 'sendonly', 4, true, false],
    [PCMA.replace('c=IN IP4 192.0.2.9', 'c=IN IP4 0.0.0.0'), 'recvonly', 5, false, false],
    [PCMA, 'sendrecv', 6, true, true],
  ] as const;
  for (const [offer, mirrored, number, receives, sends] of cases) {
    const answer = pbx.takeOffer(offer);
    const route = routes.at(-1);
    assert.deepEqual([direction(answer), version(answer)], [mirrored, number]);
    assert.deepEqual([route?.receives, route?.sends], [receives, sends], mirrored);
    assert.deepEqual(route?.addresses, ['192.0.2.9'], 'its music still comes from there');
  }
});

test('the codec stays while the PBX offers it, and changes when it does not; what is on its way is still known', () => {
  const { leg: pbx, routes } = leg();
  pbx.takeOffer(PCMA);
  const both = sdp('m=audio 5000 RTP/AVP 107 8', 'a=rtpmap:107 opus/48000/2');
  assert.match(pbx.takeOffer(both), /m=audio 40000 RTP\/AVP 8\r\n/);
  const answer = pbx.takeOffer(OPUS, '198.51.100.4');
  assert.match(answer, /m=audio 40000 RTP\/AVP 107 96\r\na=rtpmap:107 opus\/48000\/2/);
  assert.deepEqual(routes.at(-1), {
    endpoint: { address: '192.0.2.9', port: 5000 },
    addresses: ['192.0.2.9', '198.51.100.4'],
    audio: { codec: 'opus', payloadType: 107 },
    formats: [
      { codec: 'opus', payloadType: 107 },
      { codec: 'PCMA', payloadType: 8 },
    ],
    event: { payloadType: 96, khz: 48 },
    events: [96],
    receives: true,
    sends: true,
  });
});

test('our offer has what is agreed first and under its numbers; the answer to it may choose', () => {
  const { leg: pbx, routes } = leg();
  assert.match(pbx.offer(), /m=audio 40000 RTP\/AVP 8 111 101 110\r\n/);
  pbx.takeAnswer(OPUS);
  const offer = pbx.offer();
  assert.match(offer, /m=audio 40000 RTP\/AVP 107 8 101 96\r\n/);
  assert.deepEqual([version(offer), version(pbx.offer())], [2, 2]);
  pbx.takeAnswer(PCMA);
  assert.deepEqual(routes.at(-1)?.audio, { codec: 'PCMA', payloadType: 8 });
  assert.deepEqual(routes.at(-1)?.event, { payloadType: 101, khz: 8 });
});

test('what cannot be served is refused with its reason, and everything stays as it was', () => {
  const { leg: pbx, routes } = leg();
  const before = pbx.takeOffer(PCMA);
  const bad: readonly (readonly [string, RegExp])[] = [
    [sdp('m=audio 5000 RTP/AVP 18'), /the PBX's offer has .*; this trunk allows PCMA, opus/],
    [sdp('m=audio 5000 RTP/SAVP 8'), /the PBX's offer has RTP\/SAVP; plain RTP\/AVP is served/],
    [sdp('m=audio 0 RTP/AVP 8'), /refuses audio/],
    [sdp('m=image 5000 udptl t38'), /no m=audio/],
    ['', /is not SDP/],
  ];
  for (const [offer, detail] of bad) {
    assert.throws(
      () => pbx.takeOffer(offer),
      (error) => error instanceof MediaFailure && error.kind === 'sdp' && detail.test(error.message),
    );
  }
  assert.equal(routes.length, 1);
  assert.equal(pbx.takeOffer(PCMA), before);
});

test('video and a second audio are refused in their places, later too', () => {
  const { leg: pbx } = leg();
  const answer = pbx.takeOffer(
    sdp('m=video 6000 RTP/AVP 96', 'a=rtpmap:96 H264/90000', 'm=audio 5000 RTP/AVP 8', 'm=audio 7000 RTP/SAVP 8 0'),
  );
  const media = (text: string): readonly string[] => text.match(/^m=.*(?=\r)/gm) ?? [];
  assert.deepEqual(media(answer), ['m=video 0 RTP/AVP 96', 'm=audio 40000 RTP/AVP 8', 'm=audio 0 RTP/SAVP 8 0']);
  assert.equal(media(pbx.offer()).length, 3);
  assert.ok(answer.indexOf('a=sendrecv') < answer.indexOf('m=audio 0'), 'attributes belong to their section');
});
