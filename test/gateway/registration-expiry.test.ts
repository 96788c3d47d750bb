/** An Asterisk that answers with SHA-256, refreshes its registration, and is forgotten when it does not. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { secret } from '../../gateway/config/index.js';
import { startEngine } from '../../gateway/engine/index.js';
import { createIdentify, Registrar } from '../../gateway/pbx/index.js';
import type { Response } from '../../gateway/sip/port.js';
import { createDigestVerifier } from '../../gateway/sip/digest-verifier.js';
import { createSipPort } from '../../gateway/sip/drachtio.js';
import { requireComponent } from '../../lab/components/index.js';
import { BRANCH_USER, startAsterisk } from '../../lab/processes/index.js';
import { noBrake } from '../pbx/requests.js';
import { trunkConfig } from '../calls/configs.js';
import { until } from './support.js';

const REALM = 'gateway.example.test';
const PASSWORD = 'password-of-the-branch';
/** Asterisk refreshes ten seconds before. */
const EXPIRY_S = 14;

interface Heard {
  /** Algorithms of the answers to challenges. */
  readonly algorithms: string[];
  /** How many are registered, after each change. */
  readonly counts: number[];
  readonly port: number;
}

/** The gateway's registrar behind its SIP server; SHA-256 is all it takes. */
async function startRegistrar(t: TestContext): Promise<Heard> {
  const engine = await startEngine({
    admin: { host: '127.0.0.1', port: 0, secret: 'secret' },
    listen: [{ transport: 'udp', host: '127.0.0.1', port: 0 }],
  });
  const sip = createSipPort({ host: '127.0.0.1', port: engine.adminPort, secret: 'secret' });
  const heard = { algorithms: [] as string[], counts: [] as number[], port: engine.addresses[0]?.port ?? 0 };
  const auth = { username: BRANCH_USER, password: secret(PASSWORD) };
  const verifier = createDigestVerifier({ realm: REALM, clock: Date.now, secret: 'nonces', algorithms: ['SHA-256'] });
  const registrar = new Registrar({
    identify: createIdentify({
      trunks: [trunkConfig('branch', { register: true, hosts: [], networks: [], auth })],
      realm: REALM,
      verify: (attempt) => verifier.verify(attempt),
      brake: noBrake(),
    }),
    changed: (_trunk, peers) => heard.counts.push(peers.length),
    log: { info: () => undefined, warn: () => undefined },
    now: () => performance.now(),
    expiry: { min: 1, max: EXPIRY_S },
  });
  const ok: Response = { status: 200, reason: 'OK' };
  sip.onOptions((request) => request.respond(ok));
  sip.onRegister((request) => {
    const used = /algorithm="?([\w-]+)/.exec(request.header('authorization') ?? '')?.[1];
    if (used !== undefined) heard.algorithms.push(used);
    registrar.handle(request);
  });
  await sip.connect();
  t.after(async () => {
    registrar.close();
    await sip.close();
    await engine.close();
  });
  return heard;
}

test('SHA-256, a refresh, and an expiry', { timeout: 120_000 }, async (t) => {
  const heard = await startRegistrar(t);
  const asterisk = await startAsterisk({
    component: requireComponent('asterisk'),
    trunk: `127.0.0.1:${heard.port}`,
    registration: { password: PASSWORD, algorithm: 'SHA-256' },
  });
  t.after(() => asterisk.close());
  await until('the first registration', () => heard.counts[0]);
  await until('a refresh', () => heard.counts[1]);
  assert.deepEqual(heard.counts, [1, 1]);
  assert.deepEqual(new Set(heard.algorithms), new Set(['SHA-256']));
  asterisk.process.signal('STOP');
  assert.equal(await until('the expiry', () => heard.counts.find((count) => count === 0), 2 * EXPIRY_S * 1000), 0);
  const forgotten = heard.counts.length;
  asterisk.process.signal('CONT');
  assert.equal(await until('it comes back', () => heard.counts[forgotten], 2 * EXPIRY_S * 1000), 1);
});
