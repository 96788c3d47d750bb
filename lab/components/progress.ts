import type { ComponentName } from './catalogue.js';

export type Phase = 'waiting' | 'index' | 'download' | 'check' | 'ready';

/** Where the work on one component stands. Bytes are those of its packages; both are 0 before they are known. */
export interface Progress {
  readonly component: ComponentName;
  readonly phase: Phase;
  readonly doneBytes: number;
  readonly totalBytes: number;
  /** Once known. */
  readonly version?: string;
}

/** One line of text for a state of the work, without a line end. */
export function describeProgress({ component, phase, doneBytes, totalBytes, version }: Progress): string {
  const name = component.padEnd(12);
  switch (phase) {
    case 'waiting':
      return `${name} waiting: another process is fetching`;
    case 'index':
      return `${name} reading the package index`;
    case 'download': {
      const percent = totalBytes > 0 ? Math.floor((100 * doneBytes) / totalBytes) : 0;
      return `${name} ${String(percent).padStart(3)} %  ${megabytes(doneBytes)} of ${megabytes(totalBytes)} MB`;
    }
    case 'check':
      return `${name} checking`;
    case 'ready':
      return `${name} ready   ${version ?? ''}`.trimEnd();
  }
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);

/**
 * Thins the reports out for a log: the first of each phase and one per `stepPercent` of the download.
 * A terminal can show them all. Returns a new filter; keep one per run.
 */
export function progressSteps(stepPercent = 25): (progress: Progress) => boolean {
  const shown = new Map<ComponentName, string>();
  return ({ component, phase, doneBytes, totalBytes }) => {
    const step = totalBytes > 0 ? Math.floor((100 * doneBytes) / totalBytes / stepPercent) : 0;
    const key = phase === 'download' ? `${phase} ${step}` : phase;
    if (shown.get(component) === key) return false;
    shown.set(component, key);
    return true;
  };
}
