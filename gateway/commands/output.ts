import { UsageError } from './command.js';

/** Local time with its offset: `2026-11-26T15:04:05+01:00`. */
export function localIso(ms: number): string {
  const offset = -new Date(ms).getTimezoneOffset();
  const local = new Date(ms + offset * 60_000).toISOString().slice(0, 19);
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0');
  const [hours, minutes] = [Math.abs(offset) / 60, Math.abs(offset) % 60];
  return `${local}${offset < 0 ? '-' : '+'}${two(hours)}:${two(minutes)}`;
}

/** Columns as wide as their widest cell; the last is as long as it is. */
export function aligned(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows.map((row) =>
    row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0))).join('  '),
  );
}

/** The WhatsApp user that an argument names. @throws UsageError */
export function userArgument([user, ...more]: readonly string[]): string {
  if (user === undefined) throw new UsageError('USER is missing, such as +4915112345678');
  if (more.length > 0) throw new UsageError(`unexpected argument '${more[0] ?? ''}'`);
  if (/^\+[1-9]\d{6,14}$/.test(user) || /^[A-Z]{2}\.[A-Za-z0-9.]{1,128}$/.test(user)) return user;
  throw new UsageError(
    `USER: found "${user}", allowed an E.164 number with its + such as +4915112345678, or a user id such as US.13491208655302741918`,
  );
}
