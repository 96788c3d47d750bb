/** What agents do with calls, in and out: hold, transfers, queue, parking; on trunks with music on hold and with hold passed on. */
import { setTimeout as delay } from 'node:timers/promises';
import type { BusinessCall, Call } from '../../simulator/index.js';
import { createMediaPeer, type MediaPeer, type Span } from '../../simulator/media/index.js';
import type { PhoneCall } from '../phone/call.js';
import type { OutboundRoute } from '../processes/index.js';
import { AGENT_HZ, type Agents, type Feature, FEATURES, openAgents, play } from './agent-features.js';
import type { Callees } from './callees.js';
import { Ladders, type Legs } from './ladder.js';
import { endedBy, rounded, USER_HZ } from './measure.js';
import type { CallResult, Heard, PlayedCall } from './result.js';
import { PASSWORD, type Stage, type StageNumber } from './stage.js';

interface Line {
  readonly direction: CallResult['direction'];
  readonly trunk: keyof typeof TRUNKS;
  readonly keying: 'dtls' | 'sdes';
  readonly number: string;
  readonly features: readonly Feature[];
}

/**
 * Asterisk's endpoints, and what the gateway calls them; `hold` tells the gateway of hold and plays nothing. Both have PCMA:
 * Asterisk 22.10 makes no Opus of a phone's new stream whose sequence numbers are lower (docs/decisions/0002-pbx-side.md).
 */
const TRUNKS = {
  pcma: { endpoint: 'wa-trunk-pcma', name: 'pcma', music: true },
  hold: { endpoint: 'wa-trunk-hold', name: 'hold', music: false },
} as const;

const [out, in_] = ['business-initiated', 'user-initiated'] as const;
const HOLDING: readonly Feature[] = ['hold', 'attended-transfer'];
const LINES: readonly Line[] = [
  { direction: out, trunk: 'pcma', keying: 'dtls', number: '+15550100210', features: FEATURES },
  { direction: in_, trunk: 'pcma', keying: 'sdes', number: '+15550100211', features: FEATURES },
  { direction: out, trunk: 'hold', keying: 'sdes', number: '+15550100212', features: HOLDING },
  { direction: in_, trunk: 'hold', keying: 'dtls', number: '+15550100213', features: HOLDING },
];

const routeOf = ({ number, trunk }: Line): OutboundRoute => ({
  ...{ prefix: `92${number.at(-1)}`, number },
  trunk: TRUNKS[trunk].endpoint,
});

export const FEATURE_ROUTES = LINES.filter(({ direction }) => direction === out).map(routeOf);
export const FEATURE_NUMBERS: readonly StageNumber[] = LINES.map(({ direction, trunk, keying, number }) =>
  direction === out
    ? { number, keying, codecs: ['opus'], trunk: 'pbx' }
    : { number, keying, codecs: ['opus'], trunk: TRUNKS[trunk].name, extension: '100' },
);

/** Plays all of them, one after the other: they share the phones. */
export async function playFeatures(stage: Stage, callees: Callees): Promise<PlayedCall[]> {
  const agents = await openAgents(stage.asterisk, stage.share);
  const played: FeaturePlayed[] = [];
  try {
    for (const line of LINES) {
      for (const feature of line.features) {
        played.push(await playFeature({ stage, callees, agents }, line, feature));
        await Promise.all([agents.ann, agents.bob, agents.cleo].map((phone) => phone.hangupAll()));
      }
    }
  } finally {
    await agents.close();
  }
  const ladders = new Ladders(await stage.trace());
  return played.map(({ result, legs }) => {
    const found = legs(ladders);
    const codecs = `opus>${ladders.pbxMedia(found).codec ?? '?'}`;
    return { result: { ...result, codecs }, ladder: ladders.draw(found) };
  });
}

/** The last two go on so long: the second in which the new stream settles is not the one to judge. */
const TALK_MS = 1000;

interface With {
  readonly stage: Stage;
  readonly callees: Callees;
  readonly agents: Agents;
}

interface Connected {
  readonly atMeta: Call | BusinessCall;
  readonly agent: PhoneCall;
  readonly legs: (ladders: Ladders) => Legs;
}

interface FeaturePlayed {
  readonly result: Omit<CallResult, 'codecs'>;
  readonly legs: (ladders: Ladders) => Legs;
}

async function playFeature(on: With, line: Line, feature: Feature): Promise<FeaturePlayed> {
  const user = await createMediaPeer({
    ...{ keying: line.keying, codecs: ['opus'], address: '127.0.0.1', share: on.stage.share },
  });
  user.play({ kind: 'tone', hz: USER_HZ });
  const { atMeta, agent, legs } = await connect(on, line, user);
  const heard: { user: Span | undefined; last: PhoneCall | undefined } = { user: undefined, last: undefined };
  const listen = async (hz: number): Promise<void> => {
    heard.user = undefined;
    heard.user = await user.hears(hz);
  };
  let fault: string | null = null;
  try {
    if (!(await agent.answered)) throw new Error('nobody answered');
    await Promise.all([listen(AGENT_HZ.ann), agent.media.hears(USER_HZ)]);
    heard.last = await play(
      feature,
      { agents: on.agents, call: agent, userHz: USER_HZ, listen },
      TRUNKS[line.trunk].music,
    );
    await delay(TALK_MS);
  } catch (error) {
    fault = error instanceof Error ? error.message : String(error);
  }
  // A call out is ended by the agent, a call in by the user.
  if (line.direction === in_ || heard.last === undefined) await atMeta.hangup();
  else await heard.last.hangup();
  const ended = await atMeta.ended;
  const counters = user.counters();
  const tone = heard.user && (await user.tone({ ...heard.user, toMs: Infinity }));
  const result: FeaturePlayed['result'] = {
    name: [line.direction === out ? 'out' : 'in', feature, TRUNKS[line.trunk].music ? '' : 'hold passed on']
      .filter((part) => part !== '')
      .join(', '),
    ...{ direction: line.direction, keying: line.keying, answered: (await atMeta.answered) !== undefined },
    atUser: {
      ...{ hz: rounded(tone?.hz, 2), expectedHz: finalHz(feature), purity: rounded(tone?.purity, 4) },
      loss: counters.loss,
      firstAudioMs: rounded(counters.firstAudioMs, 1),
      firstToneMs: null,
      ssrcs: counters.ssrcs,
      largestGapMs: rounded(counters.largestSureGapMs, 1),
    },
    atPbx: await heardByAgent(heard.last),
    ...{ digitsAtPbx: '', digitsAtUser: '', digitsAtUserVia: null },
    digitDurationErrorMs: { atPbx: null, atUser: null },
    endedBy: endedBy(ended),
    features: [feature],
    violations: [...new Set([...counters.violations, ...atMeta.violations.map((v) => v.rule)])],
    fault,
  };
  return { result, legs };
}

async function connect({ stage, callees, agents }: With, line: Line, media: MediaPeer): Promise<Connected> {
  if (line.direction === out) {
    const user = callees.add({ kind: 'answer', media });
    const { business, call } = await callees.dial(agents.ann, routeOf(line), user);
    return { atMeta: business, agent: call, legs: (ladders) => ladders.businessCall(business.id.callId, user) };
  }
  const rings = agents.ann.answers();
  const call = stage.edge.call({ from: '+12195550714', to: line.number, media, password: PASSWORD });
  return { atMeta: call, agent: await rings, legs: (ladders) => ladders.userCall(call.id.wacid) };
}

function finalHz(feature: Feature): number {
  switch (feature) {
    case 'hold':
      return AGENT_HZ.ann;
    case 'blind-transfer':
    case 'attended-transfer':
    case 'queue':
      return AGENT_HZ.bob;
    case 'parking':
      return AGENT_HZ.cleo;
  }
}

/** What the agent's phone received who had the user in the end. */
async function heardByAgent(call: PhoneCall | undefined): Promise<Heard> {
  const tone = await call?.media.tone();
  return {
    ...{ hz: rounded(tone?.hz, 2), expectedHz: USER_HZ, purity: rounded(tone?.purity, 4) },
    // What Asterisk keeps to itself while the phone holds would count as lost.
    ...{ loss: null, firstAudioMs: null, firstToneMs: null },
    // Each extension is a stream of its own to the PBX.
    ...{ ssrcs: null, largestGapMs: rounded(call?.media.largestGapMs, 1) },
  };
}
