import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mediaLess } from '../../../../simulator/index.js';
import { rules } from '../harness.js';
import { PASSWORD } from '../scripted-gateway.js';
import { authorize, BUSINESS, desk, parametersOf, TO_URI, USER, type Response } from './scripted-caller.js';

const answering = (): { kind: 'answer'; media: ReturnType<typeof mediaLess> } => ({
  kind: 'answer',
  media: mediaLess({ keying: 'sdes' }),
});

/** What is offered, and the answers that are right. */
const MATRIX: readonly (readonly [offered: readonly string[], computable: readonly string[]])[] = [
  [['MD5'], ['MD5']],
  [['SHA-256'], ['SHA-256']],
  [
    ['SHA-256', 'MD5'],
    ['SHA-256', 'MD5'],
  ],
  [
    ['MD5', 'SHA-256'],
    ['SHA-256', 'MD5'],
  ],
  [['AKAv1-MD5', 'SHA-256'], ['SHA-256']],
  [['AKAv1-MD5', 'MD5'], ['MD5']],
];

for (const staleOnce of [false, true]) {
  for (const [algorithms, computable] of MATRIX) {
    for (const algorithm of computable) {
      const what = `${algorithms.join(', ')}${staleOnce ? ', stale once' : ''}, answered with ${algorithm}`;
      test(`challenge ${what}: the right password is let in`, async () => {
        await desk(
          async ({ edge, caller }) => {
            edge.onBusinessCall(answering);
            const next = edge.nextBusinessCall();
            caller.invite();
            const challenges = [await caller.response(407)];
            caller.invite([authorize(challenges[0]!, { algorithm })]);
            if (staleOnce) {
              challenges.push(await caller.response(407, 'INVITE', 1));
              caller.invite([authorize(challenges[1]!, { algorithm })]);
            }
            await caller.response(200);
            judgeChallenges(challenges, algorithms);
            assert.deepEqual((await next).violations, []);
          },
          { challenge: { algorithms, staleOnce } },
        );
      });

      test(`challenge ${what}: a wrong password is refused, not challenged again`, async () => {
        await desk(
          async ({ edge, caller }) => {
            edge.onBusinessCall(answering);
            const next = edge.nextBusinessCall();
            caller.invite();
            caller.invite([authorize(await caller.response(407), { algorithm, password: 'guess' })]);
            const refused = await caller.response(403);
            assert.equal(refused.reason, 'Invalid digest response');
            assert.deepEqual(refused.values('Warning'), ['399 wa.meta.vc "Invalid digest response"']);
            const ended = { by: 'meta', cause: 'rejected', status: 403, reason: 'Invalid digest response' };
            const call = await next;
            assert.deepEqual(await call.ended, ended);
            assert.deepEqual(call.violations, []);
            assert.equal(caller.responses.filter(({ status }) => status === 407).length, 1);
          },
          { challenge: { algorithms, staleOnce } },
        );
      });
    }
  }
}

/** One header each in their order, nothing shared, stale from the second on, and the Via branch for a To tag. */
function judgeChallenges(challenges: readonly Response[], algorithms: readonly string[]): void {
  const all = challenges.flatMap((challenge, n) => {
    const parameters = challenge.values('Proxy-Authenticate').map(parametersOf);
    assert.deepEqual(
      parameters.map(({ algorithm }) => algorithm),
      algorithms,
    );
    for (const { stale, qop, realm } of parameters) {
      assert.deepEqual([stale, qop, realm], [n === 0 ? undefined : 'true', 'auth', 'wa.meta.vc']);
    }
    const branch = /;branch=([^;]+)/.exec(challenge.values('Via')[0] ?? '')?.[1];
    assert.ok(challenge.values('To')[0]?.endsWith(`;tag=${branch}`));
    return parameters;
  });
  const values = all.flatMap(({ nonce = '', opaque = '' }) => [nonce, opaque]);
  assert.equal(new Set(values).size, 2 * algorithms.length * challenges.length);
}

type Edit = (header: string) => string;

/** A right answer, spoiled; the status, reason and rule that follow. */
const SPOILED: readonly (readonly [what: string, edit: Edit, reason: string, broken: string[]])[] = [
  ['the plus in the user name', (h) => h, '', []],
  ['another user', (h) => h.replace('username="1', 'username="2'), 'Invalid digest response', ['digest-user']],
  ['no opaque', (h) => h.replace(/ opaque="[^"]*",/, ''), 'Invalid digest response', ['digest-echo']],
  ['no qop', (h) => h.replace(', qop=auth', ''), 'Invalid digest response', ['digest-echo']],
  ['a realm of its own', (h) => h.replace('realm="wa', 'realm="sip'), 'Invalid digest response', ['digest-echo']],
  [
    'another algorithm',
    (h) => h.replace('algorithm=MD5', 'algorithm=SHA-256'),
    'Invalid digest response',
    ['digest-echo'],
  ],
  ['a nonce of its own', (h) => h.replace(/nonce="./, 'nonce="x'), 'Invalid digest response', ['digest-echo']],
  ['nc in decimal', (h) => h.replace('nc=00000001', 'nc=1'), 'Invalid digest response', ['digest-echo']],
  ['two headers', (h) => `${h}\r\n${h}`, 'Invalid digest response', ['digest-echo']],
  ['another scheme', (h) => h.replace('Digest', 'Basic'), 'Invalid digest response', ['digest-echo']],
  [
    'a uri with transport',
    (h) => h.replace('wa.meta.vc", resp', 'wa.meta.vc;transport=tls", resp'),
    'Proxy auth uri does not match SIP "to" uri',
    ['auth-uri'],
  ],
];

for (const [what, edit, reason, broken] of SPOILED) {
  test(`an answer with ${what} breaks ${broken.join() || 'nothing'}`, async () => {
    await desk(
      async ({ edge, caller }) => {
        edge.onBusinessCall(answering);
        const next = edge.nextBusinessCall();
        caller.invite();
        const username = what.includes('plus') ? BUSINESS : BUSINESS.slice(1);
        caller.invite([edit(authorize(await caller.response(407), { algorithm: 'MD5', username }))]);
        const final = await caller.response(broken.length === 0 ? 200 : 403);
        if (broken.length > 0) assert.equal(final.reason, reason);
        assert.deepEqual(rules((await next).violations), broken);
      },
      { challenge: { algorithms: ['MD5'] } },
    );
  });
}

test('opaque and nonce of different challenges do not go together', async () => {
  await desk(async ({ edge, caller }) => {
    const next = edge.nextBusinessCall();
    caller.invite();
    const challenge = await caller.response(407);
    const [first, second] = challenge.values('Proxy-Authenticate').map(parametersOf);
    caller.invite([authorize(challenge, { algorithm: 'MD5' }).replace(second?.opaque ?? '?', first?.opaque ?? '!')]);
    await caller.response(403);
    assert.deepEqual(rules((await next).violations), ['digest-echo']);
  });
});

/** What the second INVITE may not change. */
const RETRIES: readonly (readonly [what: string, edit: Edit])[] = [
  ['another From tag', (raw) => raw.replace(/(From: .*tag=)/, '$1x')],
  ['a CSeq that jumps', (raw) => raw.replace(/CSeq: \d+/, 'CSeq: 500')],
  ['the same CSeq', (raw) => raw.replace(/CSeq: \d+/, 'CSeq: 101')],
  ['a display name in To', (raw) => raw.replace('To: <', 'To: "Ana" <')],
];

for (const [what, edit] of RETRIES) {
  test(`an INVITE with credentials and ${what} is refused`, async () => {
    await desk(async ({ edge, caller }) => {
      const next = edge.nextBusinessCall();
      caller.invite();
      caller.invite([authorize(await caller.response(407))], edit);
      assert.equal((await caller.response(403)).reason, 'Invalid digest response');
      assert.deepEqual(rules((await next).violations), ['auth-retry']);
    });
  });
}

test('a refused call is not tried again under its Call-ID', async () => {
  await desk(async ({ edge, caller }) => {
    const next = edge.nextBusinessCall();
    await caller.call([], undefined, undefined, { password: 'guess' });
    const refused = await caller.response(403);
    caller.ack(refused);
    caller.invite();
    await caller.response(482);
    assert.deepEqual(rules((await next).violations), ['auth-retry']);
  });
});

test('a credential of another call is refused; a new password holds for the next call', async () => {
  await desk(async ({ edge, caller }) => {
    edge.onBusinessCall(answering);
    const next = edge.nextBusinessCall();
    const nobody = { raw: '', status: 407, reason: '', cseq: '', body: '', values: () => ['Digest nonce="old"'] };
    caller.invite([authorize(nobody)]);
    await caller.response(403);
    assert.deepEqual(rules((await next).violations), ['digest-echo']);
  });
  await desk(async ({ edge, caller }) => {
    edge.onBusinessCall(answering);
    edge.setNumber({ number: BUSINESS, password: 'fresh', keying: 'sdes' });
    await caller.call([], undefined, undefined, { password: 'fresh' });
    await caller.response(200);
  });
});

test('a number that is not challenged', async () => {
  await desk(
    async ({ edge, caller }) => {
      edge.onBusinessCall(answering);
      caller.invite();
      await caller.response(200);
      assert.deepEqual(edge.violations, []);
    },
    { challenge: { algorithms: [] } },
  );
});

test('a challenged BYE: its own request-URI in the digest, and the call stays up until it is right', async () => {
  await desk(
    async ({ edge, caller }) => {
      edge.onBusinessCall(answering);
      const next = edge.nextBusinessCall(USER);
      const ok = await caller.talk();
      const call = await next;
      await call.answered;
      const uri = /<([^>]*)>/.exec(ok.values('Contact')[0] ?? '')?.[1] ?? '';
      caller.inDialog('BYE', ok);
      const challenge = await caller.response(407, 'BYE');
      caller.inDialog('BYE', ok, undefined, [authorize(challenge, { method: 'BYE', uri: TO_URI })]);
      assert.equal((await caller.response(403, 'BYE')).reason, 'Proxy auth uri does not match SIP "to" uri');
      caller.inDialog('BYE', ok, undefined, [authorize(challenge, { method: 'BYE', uri, password: `${PASSWORD}x` })]);
      assert.equal((await caller.response(403, 'BYE', 1)).reason, 'Invalid digest response');
      assert.equal(edge.activeCalls, 1);
      caller.inDialog('BYE', ok, undefined, [authorize(challenge, { method: 'BYE', uri })]);
      await caller.response(200, 'BYE');
      assert.deepEqual(await call.ended, { by: 'business', cause: 'hangup' });
      assert.deepEqual(rules(call.violations), ['auth-uri']);
    },
    { challenge: { algorithms: ['SHA-256', 'MD5'], bye: true } },
  );
});
