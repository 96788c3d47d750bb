import type { Reply } from './reply.js';

/** How long Meta asks to wait: Retry-After (RFC 9110, 10.2.3) or the business use case header, whichever is longer. */
export function regainAccessMs(headers: Reply['headers'], nowMs: number): number | undefined {
  const waits = [
    retryAfterMs(first(headers['retry-after']), nowMs),
    useCaseMs(first(headers['x-business-use-case-usage'])),
  ];
  const longest = Math.max(0, ...waits.filter((wait) => wait !== undefined));
  return longest > 0 ? longest : undefined;
}

function retryAfterMs(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,7}$/.test(value.trim())) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}

/** `{"<business id>":[{"type":…,"estimated_time_to_regain_access":<minutes>}]}` */
function useCaseMs(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const minutes = [...value.matchAll(/"estimated_time_to_regain_access"\s*:\s*"?(\d{1,6})/g)].map((match) =>
    Number(match[1]),
  );
  return minutes.length === 0 ? undefined : Math.max(...minutes) * 60_000;
}

function first(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'object' ? value[0] : value;
}
