/** What the scenario `control-plane` shows once the gateway runs. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { trunkOutcomes, type OutboundRoute } from '../processes/index.js';
import { Callees } from './callees.js';
import { callCheck, callIn, callOut, eventually, isGood, openPeer, talked } from './control-calls.js';
import type { CheckResult } from './result.js';
import type { Stage } from './stage.js';
import { SECRETS } from './stage-meta.js';

export const MAIN = '+15550100050';
export const ROTATED = '+15550100051';
/** Each is applied, broken off after one request more. */
export const SPARE: readonly string[] = Array.from({ length: 24 }, (_, i) => `+155501002${String(60 + i)}`);

const ROUTE: OutboundRoute = { prefix: '905', number: MAIN, trunk: 'wa-trunk-pcma' };
const ROTATED_ROUTE: OutboundRoute = { prefix: '906', number: ROTATED, trunk: 'wa-trunk-pcma' };
export const ROUTES = [ROUTE, ROTATED_ROUTE];

const USERS = { main: '+12195550801', rotated: '+12195550802', asked: '+12195550803', missed: '+12195550804' };
const LIMIT_MS = 10_000;

type Meta = NonNullable<Stage['meta']>;

/** As the API lists who is to be called back. */
interface Waiting {
  readonly user: string;
  readonly expiresAtMs: number;
}

export async function playControlChecks(stage: Stage, meta: Meta): Promise<CheckResult[]> {
  const callees = new Callees(stage);
  meta.graph.permissions.grant(MAIN, USERS.main, { kind: 'permanent' });
  return [
    callCheck('call-in', await callIn(stage, MAIN, USERS.main)),
    callCheck('call-out', await callOut(stage, callees, ROUTE, USERS.main)),
    await rotated(stage, meta, callees),
    ...(await asked(stage, meta, callees)),
    await calledBack(stage, meta, callees),
    await forged(meta),
    await shuffled(stage, meta),
    await drifted(stage, meta),
    await interrupted(meta),
    await hidden(stage, meta),
  ];
}

/** A new password for one number while another one has a call. */
async function rotated(stage: Stage, { graph, run }: Meta, callees: Callees): Promise<CheckResult> {
  graph.permissions.grant(ROTATED, USERS.rotated, { kind: 'permanent' });
  const media = await openPeer(stage);
  callees.set(USERS.main, { kind: 'answer', media });
  const { call } = await callees.originate(ROUTE, USERS.main, '629');
  await call.answered;
  const before = graph.passwordOf(ROTATED);
  const { code, stderr } = await run('numbers', 'rotate-password', ROTATED, '-c', 'wa-trunk.yaml');
  const changed = graph.passwordOf(ROTATED) !== before;
  const out = await callOut(stage, callees, ROTATED_ROUTE, USERS.rotated, 1);
  const into = await callIn(stage, ROTATED, USERS.rotated);
  await call.hangup();
  const { by, cause } = await call.ended;
  const other = await talked(true, media, call.violations, [by, cause]);
  return {
    name: 'password-rotated',
    ok: code === 0 && changed && isGood(out) && isGood(into) && isGood(other) && other.ended === 'user hangup',
    value: {
      exit: code,
      changed,
      out: out.ended,
      in: into.ended,
      other: other.ended,
      ...(code === 0 ? {} : { stderr }),
    },
  };
}

/** A user without permission is not called but asked, and called once he has said yes. */
async function asked(stage: Stage, { graph }: Meta, callees: Callees): Promise<CheckResult[]> {
  const user = USERS.asked;
  // Who has called can be written to: the service window is open.
  await callIn(stage, MAIN, user);
  graph.openWindow(MAIN, user);
  await stage.asterisk.cli('pjsip set logger on');
  await stage.asterisk.cli(`channel originate Local/${ROUTE.prefix}${user}@to-whatsapp/n extension 622@wa-trunk-test`);
  const outcome = await eventually(
    async () => trunkOutcomes(await readFile(stage.asterisk.logFile, 'utf8')).find(({ dialled }) => dialled === user),
    (found) => found !== undefined,
    LIMIT_MS,
  );
  await stage.asterisk.cli('pjsip set logger off');
  const invites = (await stage.trace()).filter((line) =>
    JSON.stringify(line).includes(`INVITE sip:${user}@wa.meta.vc`),
  ).length;
  const messages = await eventually(
    () => Promise.resolve(graph.state.messages.filter((message) => message.user === user.slice(1))),
    (found) => found.length > 0,
    LIMIT_MS,
  );
  const pbx = `${outcome?.sip?.status ?? 'none'} ${outcome?.sip?.phrase ?? ''}`;
  const denied = {
    name: 'permission-denied',
    ok: pbx.endsWith('(no-permission)') && invites === 0 && messages.length === 1,
    value: { pbx, invitesAtMeta: invites, requestsSent: messages.length },
  };
  const { messageId, reply } = graph.permissions.userReplies(MAIN, user, { response: 'accept', permanent: true });
  const event = graph.webhooks.events.permissionReply({ number: MAIN, user, reply, messageId });
  const { delivered } = await graph.webhooks.send(event);
  return [
    denied,
    callCheck('permission-granted', {
      ...(await callOut(stage, callees, ROUTE, user)),
      ...(delivered ? {} : { answered: false }),
    }),
  ];
}

/** A user who was not answered leaves a permission, and is called back: the PBX first. */
async function calledBack(stage: Stage, { graph, run, api }: Meta, callees: Callees): Promise<CheckResult> {
  const user = USERS.missed;
  const call = stage.edge.call({
    from: user,
    to: MAIN,
    media: await openPeer(stage),
    password: graph.passwordOf(MAIN) ?? '',
  });
  await call.ringing;
  await call.cancel();
  const { wacid } = call.id;
  graph.recordCall({ number: MAIN, user, direction: 'user-initiated', outcome: 'unanswered', wacid });
  const reply = {
    ...({ response: 'accept', is_permanent: false, response_source: 'automatic' } as const),
    expiration_timestamp: Math.round(Date.now() / 1000) + 604_800,
  };
  await graph.webhooks.send(graph.webhooks.events.permissionReply({ number: MAIN, user, reply }));
  const waits = async (): Promise<number> => {
    const { callbacks = [] } = (await api('GET', 'callbacks')).body as { readonly callbacks?: readonly Waiting[] };
    return callbacks.filter((one) => one.user === user).length;
  };
  const listed = await eventually(waits, (count) => count > 0, LIMIT_MS);
  const media = await openPeer(stage);
  callees.set(user, { kind: 'answer', media });
  const coming = stage.edge.nextBusinessCall(user);
  coming.catch(() => undefined); // looked at below
  const placed = await run('callbacks', 'place', user, '--number', MAIN, '-c', 'wa-trunk.yaml');
  const back = await coming;
  const answered = (await back.answered) !== undefined;
  const { by, cause } = await back.ended;
  const heard = await talked(answered, media, back.violations, [by, cause]);
  const left = await eventually(waits, (count) => count === 0, LIMIT_MS);
  return {
    name: 'callback-placed',
    ok: listed === 1 && placed.code === 0 && isGood(heard) && left === 0,
    value: {
      listed,
      exit: placed.code,
      ...heard,
      left,
      ...(placed.code === 0 ? {} : { said: placed.stderr }),
    },
  };
}

async function forged({ graph }: Meta): Promise<CheckResult> {
  const reply = { response: 'accept', is_permanent: true, response_source: 'user_action' } as const;
  const event = graph.webhooks.events.permissionReply({ number: MAIN, user: '+12195550899', reply });
  const seen: Record<string, number | undefined> = {};
  for (const corrupt of ['signature', 'body', 'unsigned', 'truncated'] as const) {
    const { attempts } = await graph.webhooks.send(event, { corrupt, retry: false });
    seen[corrupt] = attempts[0]?.status;
  }
  const handshake = await graph.webhooks.verify('wrong-token');
  const ok = Object.values(seen).every((status) => status === 401 || status === 400) && handshake.status === 403;
  return { name: 'webhook-forged-refused', ok, value: { ...seen, wrongVerifyToken: handshake.status } };
}

const SHUFFLED = { users: 100, duplicates: 100, forged: 40 };

/** Users give and take back; whatever the order of arrival, each one's last word counts. */
async function shuffled(stage: Stage, { graph, api }: Meta): Promise<CheckResult> {
  const begun = Date.now() - 600_000;
  const until = (minutes: number): number => Math.round(Date.now() / 1000) + minutes * 60;
  const users = Array.from({ length: SHUFFLED.users }, (_, i) => `+1219556${String(1000 + i)}`);
  const events = users.flatMap((user, i) =>
    [60, 120].map((minutes, k) =>
      graph.webhooks.events.permissionReply({
        ...{ number: MAIN, user, atMs: begun + (2 * i + k) * 1000 },
        reply: { response: 'accept', response_source: 'automatic', expiration_timestamp: until(minutes) },
      }),
    ),
  );
  const report = await graph.webhooks.sendShuffled(events, { seed: 7, ...SHUFFLED, concurrency: 4 });
  const done = await eventually(
    () => eventResults(stage),
    ({ handled, outdated }) => handled + outdated >= events.length,
    20_000,
  );
  const listed =
    (
      (await api('GET', 'callbacks')).body as {
        readonly callbacks?: readonly { readonly user: string; readonly expiresAtMs: number }[];
      }
    ).callbacks ?? [];
  // The later of two permissions is that of 120 minutes.
  const lastWord = Date.now() + 90 * 60_000;
  const once = users.every((user) => {
    const [entry, ...more] = listed.filter((one) => one.user === user);
    return entry !== undefined && more.length === 0 && entry.expiresAtMs > lastWord;
  });
  const refused = Object.values(report.forged).reduce((sum, tally) => sum + refusedOf(tally), 0);
  return {
    name: 'webhook-shuffled',
    ok: once && refused === SHUFFLED.forged && listed.length === users.length,
    value: {
      sent: report.sent,
      users: listed.length,
      forgedRefused: refused,
      ...done,
      slowestMs: Math.round(report.slowestMs),
    },
  };
}

function refusedOf(tally: unknown): number {
  const statuses = (tally ?? {}) as Readonly<Record<string, number>>;
  return (statuses['401'] ?? 0) + (statuses['400'] ?? 0);
}

async function eventResults(stage: Stage): Promise<{ handled: number; outdated: number; duplicate: number }> {
  const text = await metrics(stage);
  const of = (result: string): number =>
    Number(
      new RegExp(`^wa_trunk_webhook_events_total\\{kind="permission-reply",result="${result}"\\} (\\d+)$`, 'm').exec(
        text,
      )?.[1] ?? 0,
    );
  return { handled: of('handled'), outdated: of('outdated'), duplicate: of('duplicate') };
}

const metrics = (stage: Stage): Promise<string> => page(stage, 'metrics');

/** Somebody changes the keying at Meta: the gateway says so and leaves it, apply brings it back. */
async function drifted(stage: Stage, { graph, run }: Meta): Promise<CheckResult> {
  const differences = async (): Promise<number> =>
    Number(/^wa_trunk_settings_differences\{number="\+15550100050"\} (\d+)$/m.exec(await metrics(stage))?.[1] ?? -1);
  const before = await eventually(differences, (count) => count === 0, LIMIT_MS);
  graph.changeSettings(MAIN, { srtp_key_exchange_protocol: 'DTLS' });
  const seen = await eventually(differences, (count) => count > 0, LIMIT_MS);
  const still = graph.settingsOf(MAIN).calling.srtp_key_exchange_protocol;
  const { code } = await run('apply', '--yes', '-c', 'wa-trunk.yaml');
  const after = await eventually(differences, (count) => count === 0, LIMIT_MS);
  return {
    name: 'drift-detected',
    ok: before === 0 && seen === 1 && still === 'DTLS' && code === 0 && after === 0,
    value: { before, seen, leftAlone: still === 'DTLS', apply: code, after },
  };
}

/** For each number one request more is answered before every connection breaks; then apply goes on. */
async function interrupted({ graph, runFor }: Meta): Promise<CheckResult> {
  let whole = 0;
  let ended = 0;
  let tried = 0;
  const faults: string[] = [];
  const one = async (number: string, i: number): Promise<void> => {
    const moment = i % 2 === 0 ? 'before' : 'after';
    const id = graph.settingsOf(number).phoneNumberId;
    graph.faults.failAfter(Math.floor(i / 2), moment, ({ path }) => path.includes(id));
    const first = await runFor([number], 'apply', '--yes');
    if (first.code === 0) whole += 1;
    tried += 1;
    return undefined;
  };
  // Two at a time; what is scripted for one number leaves the others alone.
  for (let i = 0; i < SPARE.length; i += 2) {
    await Promise.all(SPARE.slice(i, i + 2).map((number, k) => one(number, i + k)));
    if (whole >= 2) break;
  }
  graph.faults.clear();
  const used = SPARE.slice(0, tried);
  const wanted = JSON.stringify(settingsOf(graph.settingsOf(MAIN).calling));
  for (let i = 0; i < used.length; i += 2) {
    const pair = used.slice(i, i + 2);
    await Promise.all(pair.map((number) => runFor([number], 'apply', '--yes')));
  }
  for (const number of used) {
    if (JSON.stringify(settingsOf(graph.settingsOf(number).calling)) === wanted) ended += 1;
    else faults.push(number);
  }
  return {
    name: 'apply-interrupted-everywhere',
    ok: ended === tried && whole >= 2 && tried > whole,
    value: {
      brokenOff: tried - whole,
      uninterrupted: whole,
      asConfigured: ended,
      ...(faults.length === 0 ? {} : { faults }),
    },
  };
}

/** Without what differs from number to number. */
function settingsOf(calling: object): object {
  return JSON.parse(
    JSON.stringify(calling, (key, value: unknown) => (key === 'sip_user_password' ? undefined : value)),
  ) as object;
}

/** Whatever the gateway wrote or showed: none of its secrets is in there. */
async function hidden(stage: Stage, { graph, api, folder }: Meta): Promise<CheckResult> {
  const secrets = [...SECRETS, graph.passwordOf(MAIN), graph.passwordOf(ROTATED)].filter((one) => one !== undefined);
  const files = ['gateway.log', 'sip.jsonl', 'wa-trunk.db', 'wa-trunk.db-wal'];
  const pages = { metrics: await metrics(stage), readyz: await page(stage, 'readyz') };
  const shown: Record<string, string> = { ...pages, numbers: JSON.stringify(await api('GET', 'numbers')) };
  for (const file of files) shown[file] = await readFile(join(folder, file), 'latin1').catch(() => '');
  const leaks = Object.entries(shown).filter(([, text]) => secrets.some((secret) => text.includes(secret)));
  const looked = Object.values(shown).filter((text) => text !== '').length;
  return {
    name: 'no-secret-shown',
    ok: leaks.length === 0 && looked >= 6,
    value: { secrets: secrets.length, lookedAt: looked, leaks: leaks.map(([where]) => where) },
  };
}

async function page(stage: Stage, path: string): Promise<string> {
  return (await fetch(`http://127.0.0.1:${stage.httpPort}/${path}`)).text();
}
