/** Digest in every form that Meta may ask for, the ways a call out ends, and a trunk whose first hosts are dead. */
import { mediaLess, type BusinessCall, type ChallengeScript } from '../../simulator/index.js';
import { createMediaPeer } from '../../simulator/media/index.js';
import type { OutboundRoute } from '../processes/index.js';
import type { Callees } from './callees.js';
import { rounded } from './measure.js';
import type { CheckResult } from './result.js';
import { PASSWORD, type Stage, type StageNumber, type StageTrunk } from './stage.js';

interface Challenge extends ChallengeScript {
  readonly name: string;
  /** Which one must be answered. */
  readonly answered: 'MD5' | 'SHA-256';
  readonly stale?: boolean;
}

const CHALLENGES: readonly Challenge[] = [
  { name: 'MD5', algorithms: ['MD5'], answered: 'MD5' },
  { name: 'SHA-256', algorithms: ['SHA-256'], answered: 'SHA-256' },
  { name: 'SHA-256, then MD5', algorithms: ['SHA-256', 'MD5'], answered: 'SHA-256' },
  { name: 'MD5, then SHA-256', algorithms: ['MD5', 'SHA-256'], answered: 'SHA-256' },
  { name: 'unknown algorithm first', algorithms: ['X-NEW', 'MD5'], answered: 'MD5' },
  { name: 'stale nonce', algorithms: ['SHA-256', 'MD5'], answered: 'SHA-256', staleOnce: true },
];

interface DigestLine {
  readonly challenge: Challenge;
  readonly right: boolean;
  readonly route: OutboundRoute;
}

const DIGEST_LINES: readonly DigestLine[] = CHALLENGES.flatMap((challenge, c) =>
  [true, false].map((right, r) => ({
    ...{ challenge, right },
    route: { prefix: `94${c}${r}`, number: `+155501003${c}${r}`, trunk: 'wa-trunk' as const },
  })),
);
const PLAIN: OutboundRoute = { prefix: '950', number: '+15550100230', trunk: 'wa-trunk' };
const ONE_HOST = '+15550100231';
const THREE_HOSTS = '+15550100232';

export const CHECK_TRUNKS: readonly StageTrunk[] = [
  { name: 'three-hosts', codecs: ['PCMA'], hosts: ['dead-tcp', 'dead-too-tcp', 'pcma'], qualify: false },
];
export const CHECK_ROUTES = [...DIGEST_LINES.map(({ route }) => route), PLAIN];
export const CHECK_NUMBERS: readonly StageNumber[] = [
  ...DIGEST_LINES.map(({ challenge: { algorithms, staleOnce = false }, right, route: { number } }) => ({
    ...{ number, keying: 'sdes' as const, codecs: ['opus' as const], trunk: 'pbx' },
    challenge: { algorithms, staleOnce },
    ...(!right && { passwordAtMeta: 'another-password' }),
  })),
  { number: PLAIN.number, keying: 'sdes', codecs: ['opus'], trunk: 'pbx' },
  { number: ONE_HOST, keying: 'sdes', codecs: ['opus'], trunk: 'pbx', extension: '608' },
  { number: THREE_HOSTS, keying: 'sdes', codecs: ['opus'], trunk: 'three-hosts', extension: '608' },
];

export async function playBusinessChecks(stage: Stage, callees: Callees): Promise<CheckResult[]> {
  const checks: CheckResult[] = [];
  for (const line of DIGEST_LINES) checks.push(await digest(callees, line));
  return [...checks, await cancelled(stage, callees), await userHangsUp(callees), ...(await deadHosts(stage))];
}

/** On the wire: what the gateway answered the challenge with, in how many INVITEs, and what became of the call. */
async function digest(callees: Callees, { challenge, right, route }: DigestLine): Promise<CheckResult> {
  const user = callees.add({ kind: 'answer', media: mediaLess({ keying: 'sdes' }) });
  const { call } = await callees.originate(route, user, '607');
  const answered = (await call.answered) !== undefined;
  if (answered) await call.hangup();
  const { status } = await call.ended;
  const invites = requests(call, 'INVITE');
  const algorithm = /^Proxy-Authorization:.*algorithm="?([\w-]+)/im.exec(invites.at(-1) ?? '')?.[1] ?? 'none';
  const outcome = answered ? 'answered' : `refused ${status ?? ''}`;
  const violations = call.violations.map(({ rule }) => rule);
  const value = [`${invites.length} INVITEs, ${algorithm}, ${outcome}`, ...violations].join(', ');
  // Stale is told of right answers only: a wrong password never gets that far.
  const count = right && challenge.staleOnce === true ? 3 : 2;
  const expected = `${count} INVITEs, ${challenge.answered}, ${right ? 'answered' : 'refused 403'}`;
  return { name: `digest, ${challenge.name}, ${right ? 'right' : 'wrong'} password`, ok: value === expected, value };
}

function requests(call: BusinessCall, method: string): string[] {
  return call
    .ladder()
    .filter(({ direction, raw }) => direction === 'in' && raw.startsWith(`${method} `))
    .map(({ raw }) => raw);
}

async function cancelled(stage: Stage, callees: Callees): Promise<CheckResult> {
  const user = callees.add({ kind: 'ring' });
  const { call } = await callees.originate(PLAIN, user, '607');
  await call.ringing;
  await stage.asterisk.cli(`channel request hangup ${await localLeg(stage, user)}`);
  return endCheck('PBX cancels while the user rings', call, 'business cancelled 487');
}

/** Both halves of a Local channel end with the first. */
async function localLeg(stage: Stage, user: string): Promise<string> {
  const channels = await stage.asterisk.cli('core show channels concise');
  return (
    channels
      .split('\n')
      .find((line) => line.startsWith('Local/') && line.includes(user))
      ?.split('!')[0] ?? 'none'
  );
}

async function userHangsUp(callees: Callees): Promise<CheckResult> {
  const user = callees.add({ kind: 'answer', media: mediaLess({ keying: 'sdes' }) });
  const { call } = await callees.originate(PLAIN, user, '607');
  if ((await call.answered) !== undefined) await call.hangup();
  return endCheck('user hangs up a call out', call, 'user hangup 200');
}

async function endCheck(name: string, call: BusinessCall, expected: string): Promise<CheckResult> {
  const { by, cause, status } = await call.ended;
  const value = [[by, cause, status].filter((part) => part !== undefined).join(' ')];
  value.push(...call.violations.map(({ rule }) => rule));
  return { name, ok: value.join(', ') === expected, value: value.join(', ') };
}

const RING_LIMIT_MS = 500;
/** More than a call to a trunk with one host. */
const RING_AGAIN_LIMIT_MS = 100;

async function deadHosts(stage: Stage): Promise<CheckResult[]> {
  const plain = await ringingAfter(stage, ONE_HOST);
  const first = await ringingAfter(stage, THREE_HOSTS);
  const again = await ringingAfter(stage, THREE_HOSTS);
  return [
    {
      name: 'ringing in ms at the third host, two are dead',
      ok: first !== null && first <= RING_LIMIT_MS,
      value: first,
    },
    {
      name: 'the same on the next call, and with one host that is there',
      ok: again !== null && plain !== null && again <= plain + RING_AGAIN_LIMIT_MS,
      value: [again, plain],
    },
  ];
}

/** From Meta's last INVITE to the 180. */
async function ringingAfter(stage: Stage, to: string): Promise<number | null> {
  const media = await createMediaPeer({ keying: 'sdes', codecs: ['opus'], address: '127.0.0.1', share: stage.share });
  const call = stage.edge.call({ from: '+12195550714', to, media, password: PASSWORD });
  const rang = await call.ringing;
  await call.cancel();
  const { invite, authorizedInvite = invite, ringing } = call.times;
  if (rang === undefined || ringing === undefined) return null;
  return rounded(ringing - (authorizedInvite ?? 0), 1);
}
