/** The demo's report for people. */
import type { CallResult, DemoResult, Heard } from './result.js';

export function callLines(call: CallResult, ladder: readonly string[]): string[] {
  return [
    `── ${call.name}: ${call.direction}, ${call.keying.toUpperCase()}, ${call.codecs} ${'─'.repeat(40)}`,
    ...ladder,
    `   user heard  ${heardLine(call.atUser)}`,
    `   PBX heard   ${heardLine(call.atPbx)}`,
    `   keys        at the PBX "${call.digitsAtPbx}", at the user "${call.digitsAtUser}" (${call.digitsAtUserVia ?? 'none'})`,
    `   ended by    ${call.endedBy ?? 'nobody'}${call.violations.length > 0 ? `; broke ${call.violations.join(', ')}` : ''}`,
    '',
  ];
}

function heardLine(heard: Heard): string {
  const parts = [
    heard.hz === null ? 'no tone' : `${heard.hz.toFixed(1)} Hz (sent ${heard.expectedHz})`,
    figure('purity', heard.purity, 3),
    figure('loss', heard.loss, 4),
    figure('first packet', heard.firstAudioMs, 0, ' ms'),
    figure('first tone', heard.firstToneMs, 0, ' ms'),
    figure('SSRCs', heard.ssrcs, 0),
    figure('largest gap', heard.largestGapMs, 0, ' ms'),
  ];
  return parts.filter((part) => part !== undefined).join(', ');
}

function figure(name: string, value: number | null, digits: number, unit = ''): string | undefined {
  return value === null ? undefined : `${name} ${value.toFixed(digits)}${unit}`;
}

export function summaryLines(result: DemoResult, faults: readonly string[], seconds: number): string[] {
  const checks = result.checks.map((c) => `   ${c.ok ? 'ok  ' : 'FAIL'} ${c.name}: ${JSON.stringify(c.value)}`);
  const left = `${result.leftBehind.rtpengineSessions ?? '?'} rtpengine sessions, ${result.leftBehind.dialogs ?? '?'} dialogs`;
  const verdict =
    faults.length === 0
      ? `All as expected: ${result.calls.length} calls, ${result.checks.length} checks in ${seconds.toFixed(1)} s.`
      : `NOT as expected (${faults.length}):`;
  return [
    ...(checks.length > 0 ? ['── checks', ...checks, ''] : []),
    `left behind: ${left}`,
    verdict,
    ...faults.map((f) => `  - ${f}`),
  ];
}
