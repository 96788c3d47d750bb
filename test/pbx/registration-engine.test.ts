/** A PBX behind a NAT registers over real sockets, and is called where it registered from, not at its contact. */
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { test, type TestContext } from 'node:test';
import { secret } from '../../gateway/config/index.js';
import { startEngine } from '../../gateway/engine/index.js';
import { createIdentify, Registrar, TrunkHosts } from '../../gateway/pbx/index.js';
import { answerChallenge, parseChallenges } from '../../gateway/sip/digest.js';
import { createSipPort } from '../../gateway/sip/drachtio.js';
import { trunkConfig } from '../calls/configs.js';
import { challengeVerifier, noBrake, REALM } from './requests.js';

/** Nobody is there (RFC 5737). */
const CONTACT = 'sip:pbx@192.0.2.99:5060';
const URI = `sip:${REALM}`;

interface Wire {
  send(text: string): void;
  /** The next one of its kind. */
  readonly response: () => Promise<string>;
  readonly request: () => Promise<string>;
  readonly via: string;
}

async function udp(t: TestContext, port: number): Promise<Wire> {
  const socket = createSocket('udp4');
  socket.connect(port, '127.0.0.1');
  await once(socket, 'connect');
  t.after(() => socket.close());
  const messages = new Messages();
  socket.on('message', (packet) => messages.put(packet.toString()));
  return { via: 'UDP', send: (text) => socket.send(text), ...messages.taking };
}

async function tcp(t: TestContext, port: number): Promise<Wire> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  t.after(() => socket.destroy());
  const messages = new Messages();
  socket.on('data', (data) => messages.put(data.toString()));
  return { via: 'TCP', send: (text) => socket.write(text), ...messages.taking };
}

/** None of this test has a body. */
class Messages {
  readonly #emitter = new EventEmitter();
  readonly #kept: string[] = [];
  #rest = '';

  put(text: string): void {
    const parts = (this.#rest + text).split('\r\n\r\n');
    this.#rest = parts.pop() ?? '';
    this.#kept.push(...parts);
    this.#emitter.emit('more');
  }

  readonly taking = {
    response: () => this.#take((text) => text.startsWith('SIP/2.0 ')),
    request: () => this.#take((text) => !text.startsWith('SIP/2.0 ')),
  };

  async #take(isWanted: (text: string) => boolean): Promise<string> {
    for (;;) {
      const at = this.#kept.findIndex(isWanted);
      if (at >= 0) return this.#kept.splice(at, 1)[0]!;
      await once(this.#emitter, 'more');
    }
  }
}

async function setUp(t: TestContext) {
  const engine = await startEngine({
    admin: { host: '127.0.0.1', port: 0, secret: 'secret' },
    listen: [
      { transport: 'udp', host: '127.0.0.1', port: 0 },
      { transport: 'tcp', host: '127.0.0.1', port: 0 },
    ],
  });
  const sip = createSipPort({ host: '127.0.0.1', port: engine.adminPort, secret: 'secret' });
  const auth = { username: 'branch', password: secret('right') };
  const qualify = { intervalMs: 50, timeoutMs: 2000 };
  const trunks = [trunkConfig('branch', { register: true, hosts: [], networks: [], auth, qualify })];
  const log = { info: () => undefined, warn: () => undefined };
  const hosts = new TrunkHosts({
    trunks,
    probe: (target) => sip.probe(target),
    from: `<sip:${REALM}>`,
    log,
    random: Math.random,
  });
  const registrar = new Registrar({
    identify: createIdentify({ trunks, realm: REALM, verify: challengeVerifier(), brake: noBrake() }),
    changed: (trunk, peers, fresh) => hosts.setRegistered(trunk, peers, fresh),
    log,
    now: () => performance.now(),
  });
  sip.onRegister((request) => registrar.handle(request));
  await sip.connect();
  hosts.start();
  t.after(async () => {
    registrar.close();
    hosts.close();
    await sip.close();
    await engine.close();
  });
  const portOf = (wanted: string): number => engine.addresses.find(({ transport }) => transport === wanted)?.port ?? 0;
  return { hosts, portOf };
}

function register({ via }: Wire, cseq: number, authorization?: string): string {
  const lines = [
    `REGISTER ${URI} SIP/2.0`,
    `Via: SIP/2.0/${via} 192.0.2.99:5060;branch=z9hG4bK${cseq};rport`,
    'Max-Forwards: 70',
    `From: <sip:branch@${REALM}>;tag=1`,
    `To: <sip:branch@${REALM}>`,
    'Call-ID: registration',
    `CSeq: ${cseq} REGISTER`,
    `Contact: <${CONTACT}>`,
    ...(authorization === undefined ? [] : [`Authorization: ${authorization}`]),
    'Content-Length: 0',
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

async function proveAndRegister(wire: Wire): Promise<string> {
  wire.send(register(wire, 1));
  const challenged = await wire.response();
  assert.match(challenged, /^SIP\/2\.0 401 /);
  const [challenge] = parseChallenges(/^WWW-Authenticate: *(.*)\r$/im.exec(challenged)?.[1]);
  assert.ok(challenge);
  const input = { username: 'branch', password: 'right', method: 'REGISTER', uri: URI, cnonce: 'c', nonceCount: 1 };
  wire.send(register(wire, 2, answerChallenge(challenge, input)));
  return wire.response();
}

function answerTo(options: string): string {
  const kept = options.split('\r\n').filter((line) => /^(Via|From|To|Call-ID|CSeq):/i.test(line));
  return `SIP/2.0 404 Not Found\r\n${kept.join('\r\n')}\r\nContent-Length: 0\r\n\r\n`;
}

for (const [transport, open] of [
  ['udp', udp],
  ['tcp', tcp],
] as const) {
  test(
    `over ${transport}: registered with digest, asked by OPTIONS on the same way, alive with a 404`,
    { timeout: 20_000 },
    async (t) => {
      const { hosts, portOf } = await setUp(t);
      const wire = await open(t, portOf(transport));
      const registered = await proveAndRegister(wire);
      assert.match(registered, /^SIP\/2\.0 200 /);
      assert.match(registered, new RegExp(`^Contact: *<${CONTACT}>;expires=3600\r?$`, 'im'));

      const [peer] = hosts.choose('branch').peers;
      hosts.report('branch', peer!.name, 'unreachable');
      assert.equal(hosts.choose('branch').down, true);
      // Two rounds: the first may have been answered before the report.
      for (let round = 0; round < 2; round++) {
        const options = await wire.request();
        assert.match(options, new RegExp(`^OPTIONS ${CONTACT} SIP/2.0\r\n`));
        wire.send(answerTo(options));
      }
      while (hosts.choose('branch').down) await new Promise((resolve) => setTimeout(resolve, 10));
    },
  );
}
