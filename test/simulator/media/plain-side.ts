import { Ear } from '../../../simulator/media/ear.js';
import { type HeardAudio, measureHeard } from '../../../simulator/media/heard.js';
import { runAtOnce } from '../../../simulator/media/measure.js';
import { classify } from '../../../simulator/media/rtp.js';
import { commonCodecs, readSdp, telephoneEventOf } from '../../../simulator/media/sdp-read.js';
import { RtpSender } from '../../../simulator/media/sender.js';
import type { MediaShare } from '../../../simulator/media/share.js';
import type { Codec, ReceivedDigit } from '../../../simulator/media/types.js';
import { UdpPort } from '../../../simulator/media/udp.js';

/** A PBX without SIP: plain RTP behind rtpengine. */
export interface PlainSide {
  readonly sender: RtpSender;
  readonly digits: readonly ReceivedDigit[];
  readonly heard: () => HeardAudio;
  readonly loss: () => number;
  /** Answers rtpengine's offer with one codec and the offered telephone-event/8000, and begins to send. */
  readonly answer: (offer: string) => string;
  /** Offers one codec and telephone-event/8000; `take` has the answer to it, and begins to send. */
  readonly offer: () => string;
  readonly take: (answer: string) => void;
  readonly close: () => Promise<void>;
}

const RTPMAP: Record<Codec, string> = { opus: 'opus/48000/2', PCMA: 'PCMA/8000', PCMU: 'PCMU/8000' };

const OFFERED: Record<Codec, number> = { opus: 107, PCMA: 8, PCMU: 0 };

export async function plainSide(share: MediaShare, codec: Codec, hz: number): Promise<PlainSide> {
  const ear = new Ear(60_000, () => 0, { onViolation: () => undefined, onDigit: () => undefined });
  const socket = await UdpPort.bind('127.0.0.1', 0, (datagram) => {
    if (classify(datagram) !== 'rtp') return;
    ear.datagram(datagram, performance.now(), true);
    ear.packet(Buffer.from(datagram), performance.now());
  });
  let to: { address: string; port: number } | undefined;
  const sender = new RtpSender(4711, share.clock, share.sounds, (packet) => {
    if (to !== undefined) socket.send(Buffer.from(packet), to.port, to.address);
  });
  sender.play({ kind: 'tone', hz });
  const write = (payloadType: number, events: number | undefined): string =>
    [
      'v=0',
      'o=- 1 1 IN IP4 127.0.0.1',
      's=-',
      'c=IN IP4 127.0.0.1',
      't=0 0',
      `m=audio ${socket.port} RTP/AVP ${[payloadType, ...(events === undefined ? [] : [events])].join(' ')}`,
      `a=rtpmap:${payloadType} ${RTPMAP[codec]}`,
      ...(events === undefined ? [] : [`a=rtpmap:${events} telephone-event/8000`]),
      'a=ptime:20',
      '',
    ].join('\r\n');
  const agree = (remote: string): string => {
    const sdp = readSdp(remote);
    const agreed = commonCodecs(sdp, [codec])[0];
    const events = telephoneEventOf(sdp);
    if (agreed === undefined || sdp.address === undefined) throw new Error(`no ${codec} in the SDP:\n${remote}`);
    ear.expect([agreed], events);
    to = { address: sdp.address, port: sdp.port };
    sender.agree({ ...agreed, eventPayloadType: events });
    sender.start();
    return write(agreed.payloadType, events);
  };
  return {
    sender,
    digits: ear.events.digits,
    heard: () => runAtOnce(measureHeard(ear.recording.packets, ear.codecs)),
    loss: () => ear.stats.counters.lost,
    answer: agree,
    offer: () => write(OFFERED[codec], 101),
    take: (answer) => void agree(answer),
    close: async () => {
      sender.close();
      await socket.close();
    },
  };
}
