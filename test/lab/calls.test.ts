/** What Asterisk does with calls to and from WhatsApp, with real phones behind it and a scripted peer for the gateway. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, afterEach, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { requireComponent } from '../../lab/components/index.js';
import { type PhoneCall, reasonOf } from '../../lab/phone/call.js';
import { Phone } from '../../lab/phone/phone.js';
import { readSdp } from '../../lab/phone/sdp.js';
import { finalResponses, trunkOutcomes } from '../../lab/processes/asterisk-outcomes.js';
import { type Asterisk, MUSIC_HZ, PHONE_PASSWORD, reservePorts, startAsterisk } from '../../lab/processes/index.js';
import type { PortBlock } from '../../lab/processes/index.js';
import { header } from '../../simulator/sip/sip-text.js';
import { complaintsOf } from './complaints.js';

const USER = '+12195550714';
const USER_HZ = 440;
const HZ = { ann: 620, bob: 780, cleo: 920 } as const;

let ports: PortBlock;
let asterisk: Asterisk;
let gateway: Phone;
let [ann, bob, cleo]: Phone[] = [];

interface Connected {
  readonly agent: PhoneCall;
  readonly user: PhoneCall;
}

before(async () => {
  ports = await reservePorts(10);
  asterisk = await startAsterisk({
    component: requireComponent('asterisk'),
    trunk: `127.0.0.1:${ports.min}`,
    outbound: [
      { prefix: '901', number: '+15550100001', trunk: 'wa-trunk-hold' },
      { prefix: '902', number: '+15550100002', trunk: 'wa-trunk-pcma' },
    ],
  });
  const peer = { address: '127.0.0.1', port: asterisk.sipPort };
  gateway = await Phone.open({ user: 'gateway', address: '127.0.0.1', port: ports.min, peer, hz: USER_HZ });
  const phone = (user: string, hz: number): Promise<Phone> => Phone.open({ user, password: PHONE_PASSWORD, peer, hz });
  [ann, bob, cleo] = await Promise.all([phone('100', HZ.ann), phone('101', HZ.bob), phone('102', HZ.cleo)]);
});

after(async () => {
  for (const phone of [ann, bob, cleo, gateway]) await phone?.close();
  await asterisk.close();
  await ports.close();
});

/** Whoever still talks or rings is none of the next test's business. */
afterEach(async () => {
  for (const phone of [ann, bob, cleo]) await phone!.hangupAll();
});

/** Ann calls the user, and each hears the other. */
async function connect(prefix = ''): Promise<Connected> {
  const agent = await ann!.call(`${prefix}${USER}`);
  const user = await gateway.answers();
  assert.equal(await agent.answered, true);
  await Promise.all([user.media.hears(HZ.ann), agent.media.hears(USER_HZ)]);
  return { agent, user };
}

async function talks(user: PhoneCall, agent: PhoneCall, hz: number): Promise<void> {
  await Promise.all([user.media.hears(hz), agent.media.hears(USER_HZ)]);
}

const asked = (call: PhoneCall): string[] =>
  call.requests.map(({ method, direction }) => (direction === undefined ? method : `${method} ${direction}`));

test('a call out: number and caller id as the gateway expects them, and no session timer', async () => {
  const { agent, user } = await connect();
  const invite = user.incoming!.message;
  assert.match(invite.startLine, /^INVITE sip:\+12195550714@127\.0\.0\.1:\d+ SIP\/2\.0$/);
  assert.match(header(invite, 'from') ?? '', /<sip:\+15550100000@/);
  assert.match(header(invite, 'p-asserted-identity') ?? '', /<sip:\+15550100000@/);
  assert.equal(header(invite, 'session-expires'), undefined);
  await agent.hangup();
  const end = await user.ended;
  assert.equal(reasonOf(end), 'Q.850;cause=16');
  await outcome((one) => one.dialStatus === 'ANSWER' && one.cause === 16 && one.sip?.status === 200);
});

for (const dialled of ['0012195550714', '0171234567', '12195550714']) {
  test(`${dialled} reaches the trunk as it was dialled`, async () => {
    const agent = await ann!.call(dialled);
    const user = await gateway.rings();
    assert.ok(user.incoming!.message.startLine.startsWith(`INVITE sip:${dialled}@`));
    await agent.hangup();
    assert.match(reasonOf(await user.ended) ?? '', /^Q\.850;cause=/);
  });
}

test('the trunk with PCMA only offers nothing else, with a number of its own', async () => {
  const { agent, user } = await connect('902');
  assert.match(user.incoming!.message.body, /^m=audio \d+ RTP\/AVP 8 101\r$/m);
  assert.match(header(user.incoming!.message, 'from') ?? '', /<sip:\+15550100002@/);
  await agent.hangup();
  await user.ended;
});

test('hold: the user hears music of Asterisk, and the gateway is asked nothing', async () => {
  const { agent, user } = await connect();
  assert.equal(await agent.hold(), 200);
  await user.media.hears(MUSIC_HZ);
  assert.equal(await agent.resume(), 200);
  await talks(user, agent, HZ.ann);
  assert.deepEqual(asked(user), []);
  await user.hangup();
  await agent.ended;
});

for (const direction of ['sendonly', 'inactive'] as const) {
  test(`hold that is passed on (${direction}): a re-INVITE each way, silence on the wire between them`, async () => {
    const { agent, user } = await connect('901');
    assert.equal(await agent.hold(direction), 200);
    await until(() => asked(user)[0]);
    assert.deepEqual(asked(user), ['INVITE sendonly']);
    await delay(100); // what is on its way when the phone has its 200
    const before = user.media.packets;
    await delay(300);
    assert.equal(user.media.packets, before);
    assert.equal(await agent.resume(), 200);
    await talks(user, agent, HZ.ann);
    assert.deepEqual(asked(user), ['INVITE sendonly', 'INVITE sendrecv']);
    const versions = [user.incoming!.message, ...user.requests.map(({ message }) => message)].map(originVersion);
    assert.deepEqual([versions[1]! - versions[0]!, versions[2]! - versions[1]!], [1, 1]);
    await agent.hangup();
    await user.ended;
  });
}

for (const prefix of ['', '901']) {
  const passed = prefix === '' ? 'with music' : 'passed on';

  test(`blind transfer from hold ${passed}: the user hears the other extension`, async () => {
    const { agent, user } = await connect(prefix);
    assert.equal(await agent.hold(), 200);
    const answers = bob!.answers();
    assert.equal(await agent.transfer(ann!.uri('101')), 200);
    const other = await answers;
    await talks(user, other, HZ.bob);
    const connected = await until(() =>
      user.requests.findLast(({ message }) => header(message, 'p-asserted-identity')),
    );
    assert.match(header(connected.message, 'p-asserted-identity') ?? '', /^"Bob"/);
    await other.hangup();
    await user.ended;
  });

  test(`attended transfer ${passed}: the user hears the other extension, and the agent is out`, async () => {
    const { agent, user } = await connect(prefix);
    assert.equal(await agent.hold(), 200);
    const consultation = await ann!.call('101');
    const other = await bob!.answers();
    await other.media.hears(HZ.ann);
    assert.equal(await agent.transferTo(consultation), 200);
    await talks(user, other, HZ.bob);
    await consultation.ended;
    // Asterisk says so once, and sometimes twice, that it sends again.
    const changes = asked(user).filter((one, i, all) => one.startsWith('INVITE') && one !== all[i - 1]);
    assert.deepEqual([...new Set(changes)], prefix === '' ? [] : ['INVITE sendonly', 'INVITE sendrecv']);
    await user.hangup();
    await other.ended;
  });
}

test('a transfer that nobody takes: the agent has the user again', async () => {
  const { agent, user } = await connect();
  assert.equal(await agent.hold(), 200);
  const consultation = await ann!.call('101');
  (await bob!.rings()).refuse(486, 'Busy Here');
  assert.equal((await consultation.ended).status, 486);
  assert.equal(await agent.resume(), 200);
  await talks(user, agent, HZ.ann);
  await agent.hangup();
  await user.ended;
});

test('transfer by keys, blind and attended', async () => {
  const blind = await connect();
  await blind.agent.media.press('##101');
  const bobs = await bob!.answers();
  await talks(blind.user, bobs, HZ.bob);
  await blind.user.hangup();
  await bobs.ended;

  const attended = await connect();
  await attended.agent.media.press('*2101');
  const other = await bob!.answers();
  await other.media.hears(HZ.ann);
  await attended.agent.hangup();
  await talks(attended.user, other, HZ.bob);
  await attended.user.hangup();
  await other.ended;
});

test('a call out goes to the queue: music until an agent answers', async () => {
  const { agent, user } = await connect();
  const rings = bob!.rings();
  assert.equal(await agent.transfer(ann!.uri('500')), 200);
  const other = await rings;
  await user.media.hears(MUSIC_HZ);
  other.answer();
  await talks(user, other, HZ.bob);
  await user.hangup();
  await other.ended;
});

test('parking: music for the user, who is taken back from another phone', async () => {
  const { agent, user } = await connect();
  assert.equal(await agent.transfer(ann!.uri('700')), 200);
  await user.media.hears(MUSIC_HZ);
  const other = await cleo!.call('701');
  assert.equal(await other.answered, true);
  await talks(user, other, HZ.cleo);
  await other.hangup();
  await user.ended;
});

test('a call in to the queue, then hold, attended transfer and parking', async () => {
  const user = await gateway.call('500');
  assert.equal(await user.answered, true);
  const [agent] = await Promise.all([ann!.rings(), user.media.hears(MUSIC_HZ)]);
  agent.answer();
  await talks(user, agent, HZ.ann);
  assert.equal(await agent.hold(), 200);
  await user.media.hears(MUSIC_HZ);
  const consultation = await ann!.call('101');
  const other = await bob!.answers();
  await other.media.hears(HZ.ann);
  assert.equal(await agent.transferTo(consultation), 200);
  await talks(user, other, HZ.bob);
  assert.equal(await other.transfer(bob!.uri('700')), 200);
  await user.media.hears(MUSIC_HZ);
  const last = await cleo!.call('701');
  assert.equal(await last.answered, true);
  await talks(user, last, HZ.cleo);
  assert.deepEqual(new Set(asked(user)), new Set(['UPDATE']));
  await user.hangup();
  await last.ended;
});

test('directed pick-up: who dials *8100 has the call that rings at 100', async () => {
  const user = await gateway.call('100');
  const ringing = await ann!.rings();
  const taken = await bob!.call('*8100');
  assert.deepEqual(await Promise.all([taken.answered, user.answered]), [true, true]);
  await talks(user, taken, HZ.bob);
  assert.match(reasonOf(await ringing.ended) ?? '', /^SIP;cause=200;/, 'answered elsewhere');
  await user.hangup();
  await taken.ended;
});

test('Transfer() of the dial-plan is a REFER that names an address at the PBX', async () => {
  const user = await gateway.call('650');
  assert.equal(await user.answered, true);
  const refer = await until(() => user.requests.find(({ method }) => method === 'REFER'));
  assert.equal(header(refer.message, 'refer-to'), `sip:605@127.0.0.1:${asterisk.sipPort}`);
  await user.hangup();
});

// Asterisk 22.10 takes the cause from the status alone, and its dial-plan sees status and reason text; older ones take the
// Reason header's cause.
for (const [status, cause, dialStatus] of [
  [403, 21, 'CHANUNAVAIL'],
  [404, 1, 'CHANUNAVAIL'],
  [408, 18, 'CHANUNAVAIL'],
  [480, 19, 'NOANSWER'],
  [486, 17, 'BUSY'],
  [488, 58, 'CHANUNAVAIL'],
  [503, 34, 'CONGESTION'],
  [603, 21, 'CHANUNAVAIL'],
] as const) {
  test(`a refusal with ${status} is cause ${cause} to Asterisk, and its text is there`, async () => {
    await asterisk.cli('pjsip set logger on');
    const dialled = `+1219555${status}0`;
    const agent = await ann!.call(dialled);
    const text = `No call permission, not even "one" (${status})`;
    const headers = [['X-WA-Error', `code-${status}`] as const, ['Reason', 'Q.850;cause=57'] as const];
    (await gateway.rings()).refuse(status, text, headers);
    await agent.ended;
    const seen = await outcome((one) => one.dialled === dialled);
    assert.deepEqual([seen.cause, seen.dialStatus, seen.sip?.status], [cause, dialStatus, status]);
    assert.match(seen.sip?.phrase ?? '', /^No call permission, not even/);
    const logged = finalResponses(await readFile(asterisk.logFile, 'utf8')).find((one) => one.dialled === dialled);
    assert.deepEqual([logged?.status, logged?.header('X-WA-Error')], [status, `code-${status}`]);
    await asterisk.cli('pjsip set logger off');
  });
}

test('Asterisk has nothing to say against these files', async () => {
  assert.deepEqual(complaintsOf(await readFile(asterisk.logFile, 'utf8')), []);
});

async function outcome(condition: (one: ReturnType<typeof trunkOutcomes>[number]) => boolean) {
  return until(async () => trunkOutcomes(await readFile(asterisk.logFile, 'utf8')).findLast(condition));
}

/** Looks again and again until there is something. */
async function until<T>(look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  for (const limit = performance.now() + 20_000; performance.now() < limit; await delay(50)) {
    const found = await look();
    if (found !== undefined) return found;
  }
  throw new Error('it did not happen in 20 s');
}

function originVersion(message: { readonly body: string }): number {
  assert.notEqual(readSdp(message.body), undefined);
  return Number(/^o=\S+ \d+ (\d+) /m.exec(message.body)?.[1]);
}
