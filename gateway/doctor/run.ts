/** Runs checks side by side, each within its time, and reports them in their order. */
import type { Check, Context, Finding } from './check.js';

export interface Report extends Finding {
  readonly id: Check['id'];
  readonly title: string;
}

export interface RunOptions {
  /** For each check. */
  readonly timeoutMs: number;
  /** Told in the order of the checks, each as soon as it and those before it are done. */
  readonly report: (report: Report) => void;
}

/** Never rejects for what a check does. */
export async function runChecks(
  checks: readonly Check[],
  context: Omit<Context, 'signal'>,
  { timeoutMs, report }: RunOptions,
): Promise<readonly Report[]> {
  const running = checks.map((check) => runOne(check, context, timeoutMs));
  const reports: Report[] = [];
  for (const one of running) {
    const done = await one;
    reports.push(done);
    report(done);
  }
  return reports;
}

export function hasFailed(reports: readonly Report[]): boolean {
  return reports.some(({ result }) => result === 'fail');
}

async function runOne(check: Check, context: Omit<Context, 'signal'>, timeoutMs: number): Promise<Report> {
  const { id, title } = check;
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Finding>((resolve) => {
    timer = setTimeout(() => {
      controller.abort();
      resolve({ result: 'fail', evidence: `not done within ${timeoutMs / 1000} s`, remedy: LATE });
    }, timeoutMs);
  });
  try {
    const done = check.run({ ...context, signal: controller.signal });
    return { id, title, ...oneLine(await Promise.race([done, late])) };
  } catch (error) {
    return {
      id,
      title,
      ...oneLine({ result: 'fail', evidence: error instanceof Error ? error.message : String(error) }),
    };
  } finally {
    clearTimeout(timer);
  }
}

const LATE = 'look at the network between this machine and what was asked';

function oneLine({ result, evidence, remedy }: Finding): Finding {
  const flat = (text: string): string => text.replace(/[\p{Cc}\s]+/gu, ' ').trim();
  return { result, evidence: flat(evidence), ...(remedy === undefined ? {} : { remedy: flat(remedy) }) };
}
