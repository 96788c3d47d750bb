/** The demo's report for people. */
import { isDeepStrictEqual } from 'node:util';
import type { CallResult, DemoResult, Heard, RefusalResult } from './result.js';

export function callLines(call: CallResult, ladder: readonly string[]): string[] {
  return [
    `── ${call.name}: ${call.direction}, ${call.keying.toUpperCase()}, ${call.codecs} ${'─'.repeat(40)}`,
    ...ladder,
    `   user heard  ${heardLine(call.atUser)}`,
    `   PBX heard   ${heardLine(call.atPbx)}`,
    ...(call.features.length > 0 ? [] : [keysLine(call)]),
    ...(call.fault === null ? [] : [`   went wrong  ${call.fault}`]),
    `   ended by    ${call.endedBy ?? 'nobody'}${call.violations.length > 0 ? `; broke ${call.violations.join(', ')}` : ''}`,
    '',
  ];
}

function keysLine({ digitsAtPbx, digitsAtUser, digitsAtUserVia }: CallResult): string {
  return `   keys        at the PBX "${digitsAtPbx}", at the user "${digitsAtUser}" (${digitsAtUserVia ?? 'none'})`;
}

function refusalLine({ code, expected, got }: RefusalResult): string {
  const same = isDeepStrictEqual(got, expected);
  const seen = `SIP ${got.sip ?? 'none'}, Q.850 ${got.q850 ?? 'none'}, ${got.code ?? 'no code'}`;
  const wanted = same ? '' : ` (expected SIP ${expected.sip}, Q.850 ${expected.q850}, ${expected.code})`;
  return `   ${same ? 'ok  ' : 'FAIL'} ${code.padEnd(14)} the PBX saw ${seen}${wanted}`;
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
      ? `All as expected: ${result.calls.length} calls, ${result.refusals.length} refusals, ${result.checks.length} checks in ${seconds.toFixed(1)} s.`
      : `NOT as expected (${faults.length}):`;
  return [
    ...(result.refusals.length > 0 ? ['── refusals by Meta', ...result.refusals.map(refusalLine), ''] : []),
    ...(checks.length > 0 ? ['── checks', ...checks, ''] : []),
    `left behind: ${left}`,
    verdict,
    ...faults.map((f) => `  - ${f}`),
  ];
}
