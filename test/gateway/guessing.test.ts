/** Passwords that are guessed, at the PBX's side and at Meta's, through the whole gateway. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { answerChallenge, parseChallenges } from '../../gateway/sip/digest.js';
import { mediaLess } from '../../simulator/index.js';
import { HOSTNAME, PASSWORD, startBench, USER, type Bench } from './support.js';

const NUMBERS = ['+15550004000', '+15550004001'].map((number) => ({
  ...{ number, extension: '607', keying: 'sdes' as const },
}));
const TRUNK = {
  hosts: [{ host: '127.0.0.1', port: 9 }],
  auth: { username: 'office', passwordFile: 'password' },
  register: true,
  qualify: { interval: '0s' },
};

let sent = 0;

/** REGISTER from an address: the status that its answer to the challenge gets. */
async function register(bench: Bench, from: string, password: string): Promise<number> {
  const socket = createSocket('udp4').bind(0, from);
  await once(socket, 'listening');
  const { port } = socket.address();
  const callId = `guess-${++sent}`;
  const uri = `sip:${HOSTNAME}`;
  const send = async (cseq: number, authorization: string[]): Promise<string> => {
    const lines = [
      `REGISTER ${uri} SIP/2.0`,
      `Via: SIP/2.0/UDP ${from}:${port};branch=z9hG4bK${callId}${cseq};rport`,
      ...['Max-Forwards: 70', `From: <sip:office@${HOSTNAME}>;tag=1`, `To: <sip:office@${HOSTNAME}>`],
      ...[`Call-ID: ${callId}`, `CSeq: ${cseq} REGISTER`, `Contact: <sip:office@${from}:${port}>`, 'Expires: 60'],
      ...[...authorization, 'Content-Length: 0', '', ''],
    ];
    const answer = once(socket, 'message') as Promise<[Buffer]>;
    socket.send(lines.join('\r\n'), bench.pbxPort, '127.0.0.1');
    return (await answer)[0].toString();
  };
  const challenged = await send(1, []);
  const [challenge] = parseChallenges(/^WWW-Authenticate: (.*)\r$/im.exec(challenged)?.[1]);
  assert.ok(challenge, challenged);
  const answer = { username: 'office', password, method: 'REGISTER', uri, cnonce: 'c', nonceCount: 1 };
  const text = await send(2, [`Authorization: ${answerChallenge(challenge, answer)}`]);
  socket.close();
  return Number(text.split(' ')[1]);
}

test('guessing of passwords', { timeout: 120_000 }, async (t) => {
  const trunks = NUMBERS.map(({ number }, i) => ({
    name: `t${number.slice(1)}`,
    ...(i === 0 ? TRUNK : { hosts: TRUNK.hosts, networks: ['10.9.9.9/32'], qualify: TRUNK.qualify }),
  }));
  const bench = await startBench(t, { numbers: NUMBERS, config: { trunks, http: { listen: { port: 0 } } } });
  const brakes = (side: string): number =>
    bench.log.lines.filter((line) => line.side === side && String(line.message).includes('too many wrong passwords'))
      .length;
  const metric = async (start: string): Promise<number> => {
    const text = await (await fetch(`http://127.0.0.1:${bench.gateway.httpAddress?.port}/metrics`)).text();
    return Number(
      text
        .split('\n')
        .find((line) => line.startsWith(start))
        ?.split(' ')[1],
    );
  };

  await t.test('a PBX that guesses is refused without a look; the right one registers from elsewhere', async () => {
    for (let i = 0; i < 5; i++) assert.equal(await register(bench, '127.0.0.1', `guess ${i}`), 403);
    assert.equal(await register(bench, '127.0.0.1', PASSWORD), 403);
    assert.equal(await register(bench, '127.0.0.2', PASSWORD), 200);
    assert.equal(brakes('pbx'), 1);
    const refused = bench.log.lines.filter(({ message }) => message === 'REGISTER refused');
    assert.equal(refused.length, 5, 'one line for each that was looked at');
    assert.equal(await metric('wa_trunk_digest_failures_total{side="pbx",result="wrong"}'), 5);
    assert.equal(await metric('wa_trunk_digest_failures_total{side="pbx",result="braked"}'), 1);
    assert.equal(await metric('wa_trunk_digest_brakes_total{side="pbx"}'), 1);
  });

  await t.test(
    "one number's password guessed from Meta's networks: refused without a look, other numbers are called",
    async () => {
      const call = async (to: string, password: string): Promise<number | undefined> => {
        const placed = bench.edge.call({ from: USER, to, media: mediaLess({ keying: 'sdes' }), password });
        return (await placed.ended).status;
      };
      const [guessed = '', other = ''] = NUMBERS.map(({ number }) => number);
      for (let i = 0; i < 10; i++) assert.equal(await call(guessed, `guess ${i}`), 403);
      assert.equal(await call(guessed, PASSWORD), 403);
      assert.equal(await call(other, PASSWORD), 503, 'its PBX does not answer, but it was asked');
      assert.equal(brakes('whatsapp'), 1);
      assert.equal(await metric('wa_trunk_digest_brakes_total{side="whatsapp"}'), 1);
    },
  );

  await t.test('figures of trunks and limits are in /metrics', async () => {
    const name = trunks[0]?.name ?? '';
    assert.equal(await metric(`wa_trunk_pbx_host_up{trunk="${name}",host="udp:127.0.0.1:9"}`), 1);
    assert.equal(await metric(`wa_trunk_limit_calls_max{limit="gateway",name=""}`), 200);
    assert.equal(await metric('wa_trunk_limit_calls{limit="number",name="+15550004000"}'), 0);
    assert.equal(await metric('wa_trunk_rtpengine_up{node='), 1);
  });
});
