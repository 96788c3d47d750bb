/** An Asterisk that registers with the gateway: no address of it is configured, and calls go both ways by digest alone. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test, type TestContext } from 'node:test';
import { requireComponent } from '../../lab/components/index.js';
import { AGENT_HZ, openAgents } from '../../lab/demo/agent-features.js';
import { type Asterisk, BRANCH_USER, finalResponses, startAsterisk } from '../../lab/processes/index.js';
import { mediaLess } from '../../simulator/index.js';
import { createMediaPeer } from '../../simulator/media/index.js';
import { complaintsOf } from '../lab/complaints.js';
import { nothingLeft, PASSWORD, refusals, startBench, until, USER, type Bench } from './support.js';

const NUMBER = { number: '+15550001001', extension: '605', keying: 'sdes' } as const;
const ROUTE = { prefix: '901', number: NUMBER.number, trunk: 'wa-trunk-registered' } as const;
const [USER_HZ, PBX_HZ] = [440, 620];

interface Branch {
  readonly bench: Bench;
  /** Not the one that comes with the bench. */
  readonly asterisk: Asterisk;
}

/** A gateway that knows of no host, and then an Asterisk that registers there. */
async function startBranch(t: TestContext, password: string): Promise<Branch> {
  const name = `t${NUMBER.number.slice(1)}`;
  const auth = { username: BRANCH_USER, passwordFile: 'password' };
  const config = { trunks: [{ name, codecs: ['PCMA'], register: true, auth }] };
  const bench = await startBench(t, { numbers: [NUMBER], config });
  const asterisk = await startAsterisk({
    component: requireComponent('asterisk'),
    trunk: `127.0.0.1:${bench.pbxPort}`,
    outbound: [ROUTE],
    registration: { password, algorithm: 'MD5' },
  });
  t.after(() => asterisk.close());
  return { bench, asterisk };
}

/** Waits until the gateway has somebody, or nobody, registered. */
async function registered({ bench }: Branch, wanted: boolean): Promise<void> {
  await until(`registered: ${wanted}`, () => {
    const last = bench.log.lines.findLast(({ message }) => message === 'registration of the PBX');
    const now = last?.now as readonly string[] | undefined;
    return now !== undefined && now.length > 0 === wanted ? true : undefined;
  });
}

/** The user calls and hears the tone of extension 605, which comes in by the endpoint that registered. */
async function callIn({ bench, asterisk }: Branch): Promise<void> {
  const media = await createMediaPeer({ keying: NUMBER.keying, codecs: ['opus'], address: '127.0.0.1' });
  const placed = bench.edge.call({ from: USER, to: NUMBER.number, media, password: PASSWORD });
  assert.ok(await placed.answered);
  await media.hears(PBX_HZ);
  await placed.hangup();
  const atPbx = await asterisk.awaitCall(
    (c) => c.headers.get('x-wa-wacid') === placed.id.wacid && c.endedAt !== undefined,
  );
  assert.match(atPbx.channel, /^PJSIP\/wa-trunk-registered-/);
  assert.deepEqual(placed.violations, []);
  await nothingLeft(bench);
}

/** An agent calls the user; the gateway challenges the call, and each hears the other. */
async function callOut(t: TestContext, { bench, asterisk }: Branch): Promise<void> {
  const agents = await openAgents(asterisk);
  t.after(() => agents.close());
  const media = await createMediaPeer({ keying: NUMBER.keying, codecs: ['opus'], address: '127.0.0.1' });
  media.play({ kind: 'tone', hz: USER_HZ });
  bench.edge.onBusinessCall(() => ({ kind: 'answer', media }));
  await asterisk.cli('pjsip set logger on');
  const coming = bench.edge.nextBusinessCall(USER);
  const call = await agents.ann.call(`${ROUTE.prefix}${USER}`);
  const meta = await coming;
  assert.equal(await call.answered, true);
  await Promise.all([media.hears(AGENT_HZ.ann), call.media.hears(USER_HZ)]);
  await call.hangup();
  assert.equal((await meta.ended).by, 'business');
  assert.deepEqual(meta.violations, []);
  await nothingLeft(bench);
  const log = await readFile(asterisk.logFile, 'utf8');
  assert.ok(finalResponses(log).some(({ status, dialled }) => status === 401 && dialled === USER));
  const answers = log.split('\n').filter((line) => /^Authorization: .*username="branch"/.test(line));
  assert.ok(answers.length > 0);
}

test('calls both ways over a registration, which ends and comes back', { timeout: 120_000 }, async (t) => {
  const branch = await startBranch(t, PASSWORD);
  const { bench, asterisk } = branch;
  await registered(branch, true);
  await callIn(branch);
  await callOut(t, branch);
  assert.deepEqual(complaintsOf(await readFile(asterisk.logFile, 'utf8')), []);

  await asterisk.cli('pjsip send unregister wa-trunk-registered');
  await registered(branch, false);
  const media = mediaLess({ keying: 'sdes' });
  const refused = bench.edge.call({ from: USER, to: NUMBER.number, media, password: PASSWORD });
  const { by, status } = await refused.ended;
  assert.deepEqual([by, status], ['business', 503]);
  await asterisk.cli('pjsip send register wa-trunk-registered');
  await registered(branch, true);
  await callIn(branch);
});

test('a wrong password: neither registration nor call is taken', { timeout: 120_000 }, async (t) => {
  const { bench, asterisk } = await startBranch(t, 'guess');
  const refusal = await until('REGISTER is refused', () =>
    bench.log.lines.find(({ message }) => message === 'REGISTER refused'),
  );
  assert.match(String(refusal.why), /digest response/);
  await until('Asterisk knows', async () =>
    (await asterisk.cli('pjsip show registrations')).includes('Rejected') ? true : undefined,
  );
  const agents = await openAgents(asterisk);
  t.after(() => agents.close());
  const call = await agents.ann.call(`${ROUTE.prefix}${USER}`);
  assert.equal(await call.answered, false);
  assert.deepEqual(refusals(bench.log), ['untrusted-source']);
  assert.equal(bench.gateway.activeCalls, 0);
});
