import { GraphError } from '../graph/port.js';
import type { Graph } from '../graph/port.js';
import type { GraphFault } from '../graph/errors.js';
import type { MetaCalling } from './calling.js';
import { readSettings } from './current.js';
import type { Current } from './current.js';
import { diffCalling } from './diff.js';
import type { Change } from './diff.js';
import { planWrites } from './plan.js';
import type { Step, Write } from './plan.js';

export interface SettingsTarget {
  readonly graph: Graph;
  readonly phoneNumberId: string;
  /** The app of the token; undefined: not known. */
  readonly appId: string | undefined;
  readonly wanted: MetaCalling;
}

export interface ApplyOptions {
  /** Before each write, and when it is verified. */
  readonly progress?: (what: 'write' | 'verified', write: Write) => void;
  /** Between two looks at what Meta has not taken over yet. Default: a timer. */
  readonly delay?: (ms: number) => Promise<void>;
}

export type Applied =
  | { readonly kind: 'done'; readonly done: readonly Change[] }
  | {
      readonly kind: 'stopped';
      readonly done: readonly Change[];
      readonly failed: FailedStep;
      /** What of YAML's state is still missing as far as is known. */
      readonly left: readonly Change[];
    };

export interface FailedStep {
  readonly step: Step | 'read';
  readonly changes: readonly Change[];
  /** `no`: Meta refused it; `unknown`: it was lost on the way, Meta may have done it; `partly`: Meta said yes and shows otherwise. */
  readonly inEffect: 'no' | 'unknown' | 'partly';
  readonly message: string;
  readonly fault?: GraphFault;
}

/** Meta's settings of a number, and what of them is not as wanted. Rejects with GraphError. */
export async function compareSettings(
  target: SettingsTarget,
): Promise<{ current: Current; changes: readonly Change[] }> {
  const reply = await target.graph.get(`${target.phoneNumberId}/settings`);
  const current = readSettings(reply, target.appId);
  return { current, changes: diffCalling(target.wanted, current.calling) };
}

/** A write that undoes another one is planned again, but not for ever. */
const TIMES_A_STEP = 3;

/** Brings Meta's settings into the wanted state, one write at a time, each read back and compared. Never rejects. */
export async function applySettings(target: SettingsTarget, options: ApplyOptions = {}): Promise<Applied> {
  const done: Change[] = [];
  const times = new Map<Step, number>();
  let look = await tryRead(target);
  for (;;) {
    if ('fault' in look) return stopped(done, readFailed(look.fault), []);
    const { current, changes } = look;
    const [write] = planWrites(target.wanted, current.calling, changes);
    if (write === undefined) return { kind: 'done', done };
    const count = (times.get(write.step) ?? 0) + 1;
    times.set(write.step, count);
    if (count > TIMES_A_STEP) return stopped(done, undone(write), changes);
    options.progress?.('write', write);
    const result = await writeAndVerify(target, write, options.delay ?? wait);
    if ('failed' in result) return stopped(done, result.failed, result.left ?? changes);
    options.progress?.('verified', write);
    done.push(...write.changes);
    look = result.look;
  }
}

type Look = { readonly current: Current; readonly changes: readonly Change[] } | { readonly fault: GraphFault };

async function tryRead(target: SettingsTarget): Promise<Look> {
  try {
    return await compareSettings(target);
  } catch (error) {
    if (error instanceof GraphError) return { fault: error.fault };
    throw error;
  }
}

type Verified = { readonly look: Look } | { readonly failed: FailedStep; readonly left?: readonly Change[] };

/** How often Meta is looked at until it shows what was written. */
const LOOKS = 4;
const BETWEEN_LOOKS_MS = 1000;

async function writeAndVerify(
  target: SettingsTarget,
  write: Write,
  delay: (ms: number) => Promise<void>,
): Promise<Verified> {
  const { step, changes } = write;
  const fault = await tryWrite(target, write);
  if (fault !== undefined && isCertain(fault)) {
    return { failed: { step, changes, inEffect: 'no', message: fault.message, fault } };
  }
  for (let looks = 1; ; looks++) {
    const look = await tryRead(target);
    if ('fault' in look) {
      const because = fault ?? look.fault;
      const message = fault === undefined ? `written, but not read back: ${because.message}` : because.message;
      return { failed: { step, changes, inEffect: 'unknown', message, fault: because } };
    }
    const missing = look.changes.filter(({ path }) => changes.some((change) => change.path === path));
    if (missing.length === 0) return { look };
    if (looks >= LOOKS || fault !== undefined) return { failed: notTaken(write, missing, fault), left: look.changes };
    await delay(BETWEEN_LOOKS_MS);
  }
}

/** A write of settings may be sent twice: it says what shall be, not what to change. */
async function tryWrite(target: SettingsTarget, write: Write): Promise<GraphFault | undefined> {
  try {
    await target.graph.post(`${target.phoneNumberId}/settings`, write.body, { repeatable: true });
    return undefined;
  } catch (error) {
    if (error instanceof GraphError) return error.fault;
    throw error;
  }
}

/** Meta has not done it. */
function isCertain(fault: GraphFault): boolean {
  return (
    fault.unsent === true ||
    fault.kind === 'rate-limited' ||
    fault.kind === 'unauthorized' ||
    fault.kind === 'no-token' ||
    (fault.kind === 'refused' && fault.transient !== true)
  );
}

function notTaken({ step, changes }: Write, missing: readonly Change[], fault: GraphFault | undefined): FailedStep {
  if (fault !== undefined) {
    const inEffect = missing.length === changes.length ? 'no' : 'partly';
    return { step, changes, inEffect, message: fault.message, fault };
  }
  const paths = missing.map(({ path }) => path).join(', ');
  const message = `Meta said success, but its settings still show otherwise: ${paths}; run wa-trunk plan to see what it has, and apply again`;
  return { step, changes, inEffect: 'partly', message };
}

function undone({ step, changes }: Write): FailedStep {
  const message = `written ${TIMES_A_STEP} times, and each time a later write undid it: something else changes this number too`;
  return { step, changes, inEffect: 'no', message };
}

function readFailed(fault: GraphFault): FailedStep {
  return { step: 'read', changes: [], inEffect: 'no', message: fault.message, fault };
}

function stopped(done: readonly Change[], failed: FailedStep, left: readonly Change[]): Applied {
  return { kind: 'stopped', done, failed, left };
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
