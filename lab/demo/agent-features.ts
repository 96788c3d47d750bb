/** What agents do with a WhatsApp call that one of them has: the same for calls in and out, whoever stands for the user. */
import type { PhoneCall } from '../phone/call.js';
import type { FirstSequence } from '../phone/media.js';
import { Phone } from '../phone/phone.js';
import { type Asterisk, MUSIC_HZ, PHONE_PASSWORD } from '../processes/index.js';
import type { MediaShare } from '../../simulator/media/index.js';

export const FEATURES = ['hold', 'blind-transfer', 'attended-transfer', 'queue', 'parking'] as const;
export type Feature = (typeof FEATURES)[number];

/** Each agent says another tone, so that one can tell who is heard. */
export const AGENT_HZ = { ann: 620, bob: 780, cleo: 920 } as const;

/** The phones 100, 101 and 102 of asterisk/pjsip-phones.conf. */
export interface Agents {
  readonly ann: Phone;
  readonly bob: Phone;
  readonly cleo: Phone;
  close(): Promise<void>;
}

/** The WhatsApp user's ear: resolves when the user has heard this tone for long enough to be measured. */
export type Listen = (hz: number) => Promise<unknown>;

/** A call to do something with; `userHz` is the tone that the user says. */
export interface FeatureCall {
  readonly agents: Agents;
  /** Ann's call with the user. */
  readonly call: PhoneCall;
  readonly userHz: number;
  readonly listen: Listen;
}

/** Registers the phones at Asterisk. @throws Error when one is not taken; then none is left open */
export async function openAgents(
  asterisk: Asterisk,
  share?: MediaShare,
  firstSequence?: FirstSequence,
): Promise<Agents> {
  const peer = { address: '127.0.0.1', port: asterisk.sipPort };
  const opened: Phone[] = [];
  const close = async (): Promise<void> => {
    for (const phone of opened) await phone.close();
  };
  const open = async (user: string, hz: number): Promise<Phone> => {
    const phone = await Phone.open({
      user,
      password: PHONE_PASSWORD,
      peer,
      hz,
      ...(share && { share }),
      ...(firstSequence && { firstSequence }),
    });
    opened.push(phone);
    return phone;
  };
  try {
    const ann = await open('100', AGENT_HZ.ann);
    const bob = await open('101', AGENT_HZ.bob);
    return { ann, bob, cleo: await open('102', AGENT_HZ.cleo), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Does it, and has user and last agent hear each other.
 * @param musicOnHold false where the PBX passes hold on and plays nothing (moh_passthrough)
 * @returns the call of the agent who has the user in the end
 * @throws Error naming what was refused or not heard
 */
export async function play(feature: Feature, with_: FeatureCall, musicOnHold = true): Promise<PhoneCall> {
  const { agents, call, userHz, listen } = with_;
  const { ann, bob, cleo } = agents;
  const talk = async (agent: PhoneCall, hz: number): Promise<PhoneCall> => {
    await Promise.all([listen(hz), agent.media.hears(userHz)]);
    return agent;
  };
  const hold = async (): Promise<void> => {
    must('hold', await call.hold());
    if (musicOnHold) await listen(MUSIC_HZ);
  };
  // Asterisk answers the caller before it joins the two, and refuses a REFER in between with 400.
  await call.media.hears(userHz);
  switch (feature) {
    case 'hold':
      await hold();
      must('resume', await call.resume());
      return talk(call, AGENT_HZ.ann);
    case 'blind-transfer': {
      const refer = call.transfer(ann.uri('101')).then((status) => must('REFER', status));
      const [other] = await Promise.all([bob.answers(), refer]);
      return talk(other, AGENT_HZ.bob);
    }
    case 'attended-transfer': {
      await hold();
      const consultation = await ann.call('101');
      const other = await bob.answers();
      await other.media.hears(AGENT_HZ.ann);
      must('REFER with Replaces', await call.transferTo(consultation));
      return talk(other, AGENT_HZ.bob);
    }
    case 'queue': {
      const refer = call.transfer(ann.uri('500')).then((status) => must('REFER to the queue', status));
      const [other] = await Promise.all([bob.rings(), refer]);
      await listen(MUSIC_HZ);
      other.answer();
      return talk(other, AGENT_HZ.bob);
    }
    case 'parking': {
      must('REFER to the parking lot', await call.transfer(ann.uri('700')));
      await listen(MUSIC_HZ);
      const other = await cleo.call('701');
      if (!(await other.answered)) throw new Error('701 gave nobody back');
      return talk(other, AGENT_HZ.cleo);
    }
  }
}

function must(what: string, status: number): void {
  if (status !== 200) throw new Error(`${what} got ${status} from Asterisk`);
}
