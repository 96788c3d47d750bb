import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RtpHeader, SrtcpSession, SrtpSession } from 'werift-rtp';
import { RTP_HEADER_LENGTH, writeHeader } from '../../../simulator/media/rtp.js';
import { SessionKeys, SrtpContext } from '../../../simulator/media/srtp.js';

const SUITE = 'AES_CM_128_HMAC_SHA1_80';
/** RFC 3711, appendix B.3. */
const KEYING = Buffer.from('e1f97a0d3e018be0d64fa32c06de41390ec675ad498afeebb6960b3aabe6', 'hex');
const WERIFT = {
  keys: {
    localMasterKey: KEYING.subarray(0, 16),
    localMasterSalt: KEYING.subarray(16),
    remoteMasterKey: KEYING.subarray(0, 16),
    remoteMasterSalt: KEYING.subarray(16),
  },
  profile: 0x0001,
} as const;

function rtp(sequence: number, text = 'twenty ms of audio, or so'): Buffer {
  const packet = Buffer.concat([Buffer.alloc(RTP_HEADER_LENGTH), Buffer.from(text)]);
  writeHeader(packet, 111, false, sequence, sequence * 960, 0xcafebabe);
  return packet;
}

describe('SRTP', () => {
  test('RFC 3711, B.3: session keys', () => {
    const keys = new SessionKeys(KEYING, 0);
    assert.equal(keys.key.toString('hex'), 'c61e7a93744f39ee10734afe3ff7a087');
    assert.equal(keys.salt.toString('hex'), '30cbbc08863d8c85d49db34a9ae1');
    assert.equal(keys.authKey.toString('hex'), 'cebe321f6ff7716b6fd4ab49af256a156d38baa4');
  });

  test('what it protects another library reads, and the other way round', () => {
    const other = new SrtpSession(WERIFT);
    const [outbound, inbound] = [new SrtpContext(KEYING, SUITE), new SrtpContext(KEYING, SUITE)];
    for (const sequence of [7, 8, 10, 9]) {
      const plain = rtp(sequence);
      assert.deepEqual(other.decrypt(outbound.protect(plain)), plain);
      const header = RtpHeader.deSerialize(plain);
      assert.deepEqual(inbound.unprotect(other.encrypt(plain.subarray(RTP_HEADER_LENGTH), header)), plain);
    }
  });

  test('RTCP, too', () => {
    const other = new SrtcpSession(WERIFT);
    const plain = Buffer.from('80c80006cafebabe000000010000000200000003000000040000000580c90001cafebabe', 'hex');
    for (let n = 0; n < 3; n++) {
      assert.deepEqual(other.decrypt(new SrtpContext(KEYING, SUITE).protectRtcp(plain)), plain);
      assert.deepEqual(new SrtpContext(KEYING, SUITE).unprotectRtcp(other.encrypt(plain)), plain);
    }
  });

  for (const suite of [SUITE, 'AES_CM_128_HMAC_SHA1_32'] as const) {
    test(`${suite}: the roll-over counter follows the sequence, reordering at the wrap included`, () => {
      const [outbound, inbound] = [new SrtpContext(KEYING, suite), new SrtpContext(KEYING, suite)];
      const order = [65533, 65534, 65535, 0, 1, 2];
      const sent = order.map((n) => ({ plain: rtp(n), protected: outbound.protect(rtp(n)) }));
      for (const n of [0, 1, 3, 2, 4, 5]) assert.deepEqual(inbound.unprotect(sent[n]!.protected), sent[n]!.plain);
    });
  }

  test('a replayed, a changed and a foreign packet are refused', () => {
    const [outbound, inbound] = [new SrtpContext(KEYING, SUITE), new SrtpContext(KEYING, SUITE)];
    const packet = outbound.protect(rtp(1));
    const changed = Buffer.from(packet);
    changed[20]! ^= 1;
    assert.equal(inbound.unprotect(changed), undefined);
    assert.ok(inbound.unprotect(packet));
    assert.equal(inbound.unprotect(packet), undefined);
    assert.equal(new SrtpContext(Buffer.alloc(30, 1), SUITE).unprotect(outbound.protect(rtp(2))), undefined);
    assert.equal(inbound.unprotect(Buffer.alloc(13, 0x80)), undefined);
  });
});
