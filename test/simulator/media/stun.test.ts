import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { IceLite } from '../../../simulator/media/ice-lite.js';
import { BINDING_ERROR, BINDING_SUCCESS, bindingRequest, parseStun } from '../../../simulator/media/stun.js';

const hex = (text: string): Buffer => Buffer.from(text.replace(/\s/g, ''), 'hex');

/** RFC 5769, sections 2.1 and 2.2. */
const PASSWORD = 'VOkJxbRl1RmTxUk/WvJxBt';
const REQUEST = hex(`
  00010058 2112a442 b7e7a701 bc34d686 fa87dfae
  80220010 5354554e 20746573 7420636c 69656e74
  00240004 6e0001ff 80290008 932ff9b1 51263b36
  00060009 6576746a 3a683676 59202020
  00080014 9aeaa70c bfd8cb56 781ef2b5 b2d3f249 c1b571a2
  80280004 e57a3bcf`);
const RESPONSE = hex(`
  0101003c 2112a442 b7e7a701 bc34d686 fa87dfae
  8022000b 74657374 20766563 746f7220
  00200008 0001a147 e112a643
  00080014 2b91f599 fd9e90c3 8c7489f9 2af9ba53 f06be7d7
  80280004 c07d4c96`);

const transactionId = Buffer.alloc(12, 5);
/** Where the RFC's response says the request came from. */
const [ADDRESS, PORT] = ['192.0.2.1', 32853];

describe('STUN', () => {
  test('RFC 5769: request', () => {
    const request = parseStun(REQUEST);
    assert.equal(request?.username, 'evtj:h6vY');
    assert.equal(request.priority, 0x6e0001ff);
    assert.equal(request.role, 'controlled');
    assert.equal(request.useCandidate, false);
    assert.ok(request.hasIntegrity(PASSWORD));
    assert.ok(!request.hasIntegrity('another'));
  });

  test('RFC 5769: IPv4 response', () => {
    const response = parseStun(RESPONSE);
    assert.equal(response?.type, BINDING_SUCCESS);
    assert.ok(response.hasIntegrity(PASSWORD));
  });

  test('any changed byte is noticed', () => {
    for (let at = 0; at < REQUEST.length; at++) {
      const changed = Buffer.from(REQUEST);
      changed[at]! ^= 1;
      assert.equal(parseStun(changed)?.hasIntegrity(PASSWORD) ?? false, false, `byte ${at}`);
    }
  });

  test('a cut message is no message', () => {
    for (let length = 0; length < REQUEST.length; length++) {
      assert.equal(parseStun(REQUEST.subarray(0, length)), undefined);
    }
  });
});

describe('ICE-lite', () => {
  const ice = new IceLite({ ufrag: 'lite', pwd: 'a-password-of-22-chars' });
  const check = (change: Partial<Parameters<typeof bindingRequest>[0]> = {}): ReturnType<IceLite['receive']> =>
    ice.receive(
      bindingRequest({
        transactionId,
        username: 'lite:full',
        password: 'a-password-of-22-chars',
        role: 'controlling',
        ...change,
      }),
      ADDRESS,
      PORT,
    );

  test('answers a check with the address it came from', () => {
    const outcome = check();
    assert.equal(outcome.kind, 'checked');
    assert.equal(outcome.nominates, false);
    const response = parseStun(outcome.response);
    assert.equal(response?.type, BINDING_SUCCESS);
    assert.deepEqual(response.transactionId, transactionId);
    assert.ok(response.hasIntegrity('a-password-of-22-chars'));
    // The XOR-MAPPED-ADDRESS of the RFC's response.
    assert.ok(outcome.response.includes(hex('00200008 0001a147 e112a643')));
  });

  test('USE-CANDIDATE nominates', () => {
    const outcome = check({ useCandidate: true });
    assert.ok(outcome.kind === 'checked' && outcome.nominates);
  });

  test('is always controlled: 487 to a controlled peer', () => {
    const outcome = check({ role: 'controlled', useCandidate: true });
    assert.ok(outcome.kind === 'refused' && outcome.code === 487);
    assert.equal(parseStun(outcome.response)?.type, BINDING_ERROR);
  });

  test('401 to a wrong password and to a wrong user name', () => {
    for (const outcome of [check({ password: 'wrong' }), check({ username: 'other:full' })]) {
      assert.ok(outcome.kind === 'refused' && outcome.code === 401);
    }
  });

  test('ignores responses and garbage', () => {
    assert.equal(ice.receive(RESPONSE, ADDRESS, PORT).kind, 'ignored');
    assert.equal(ice.receive(Buffer.alloc(40), ADDRESS, PORT).kind, 'ignored');
  });
});
