/** Whether other work left the machine too little time for what is measured in it. */
import { readFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';

/** In so much of the time somebody waited for a CPU; the demo alone on two cores stays far below. */
const BUSY_SHARE = 0.5;
/** Where the kernel does not tell that: so many that run or wait, for each CPU. */
const BUSY_LOAD = 1.5;

/** Call it before; what it returns tells afterwards. */
export function watchPressure(): () => boolean {
  const [began, before] = [performance.now(), waitedMs()];
  return () => {
    const now = waitedMs();
    if (before === undefined || now === undefined) return loadavg()[0]! > BUSY_LOAD * availableParallelism();
    return now - before > BUSY_SHARE * (performance.now() - began);
  };
}

/** Time in which at least one task waited for a CPU, since the machine started: pressure stall information of Linux. */
function waitedMs(): number | undefined {
  try {
    const total = /^some .*total=(\d+)/m.exec(readFileSync('/proc/pressure/cpu', 'utf8'))?.[1];
    return total === undefined ? undefined : Number(total) / 1000;
  } catch {
    return undefined; // no such kernel
  }
}
