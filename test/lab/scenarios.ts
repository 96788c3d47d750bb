/** sipp scenarios of a caller. The dialled extension is sipp's `-s`. */

const invite = (sdp: string, headers: string): string => `
  <send retrans="500"><![CDATA[
INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: "Ana" <sip:+491701234567@[local_ip]:[local_port]>;tag=[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:gateway@[local_ip]:[local_port]>
Max-Forwards: 70
${headers}Content-Type: application/sdp
Content-Length: [len]

${sdp}
]]></send>`;

const request = (method: string, cseq: number, branch: string, to = '[peer_tag_param]'): string => `
  <send${method === 'ACK' ? '' : ' retrans="500"'}><![CDATA[
${method} sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=${branch}
From: "Ana" <sip:+491701234567@[local_ip]:[local_port]>;tag=[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>${to}
Call-ID: [call_id]
CSeq: ${cseq} ${method}
Max-Forwards: 70
Content-Length: 0

]]></send>`;

const receive = (status: number, optional = false): string =>
  `\n  <recv response="${status}"${optional ? ' optional="true"' : ''}/>`;

const scenario = (...steps: string[]): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="caller">${steps.join('')}\n</scenario>\n`;

/** Calls, is answered, stays for `holdMs`, hangs up. */
export function answeredCall(sdp: string, holdMs: number): string {
  return callUntil(sdp, '', `\n  <pause milliseconds="${holdMs}"/>`);
}

/** Calls, is answered, hangs up when it is told so by {@link hangUpNow}. */
export function callUntilTold(sdp: string, headers: string): string {
  return callUntil(sdp, headers, '\n  <recv request="MESSAGE"/>');
}

/** The request for which {@link callUntilTold} waits, to be sent to sipp's port. */
export function hangUpNow(callId: string): string {
  return [
    'MESSAGE sip:gateway@127.0.0.1 SIP/2.0',
    'Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKtold',
    'From: <sip:test@127.0.0.1>;tag=test',
    'To: <sip:gateway@127.0.0.1>',
    `Call-ID: ${callId}`,
    'CSeq: 1 MESSAGE',
    'Content-Length: 0',
    '\r\n',
  ].join('\r\n');
}

function callUntil(sdp: string, headers: string, event: string): string {
  return scenario(
    invite(sdp, headers),
    receive(100, true),
    receive(180, true),
    receive(183, true),
    receive(200),
    request('ACK', 1, '[branch]'),
    event,
    request('BYE', 2, '[branch]'),
    receive(200),
  );
}

/** Calls, is answered, waits until the other side hangs up. */
export function endedByCallee(sdp: string): string {
  const ok = `
  <send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>`;
  return scenario(
    invite(sdp, ''),
    receive(100, true),
    receive(200),
    request('ACK', 1, '[branch]'),
    '\n  <recv request="BYE"/>',
    ok,
  );
}

/** Calls and is refused. */
export function refusedCall(sdp: string, status: number): string {
  return scenario(invite(sdp, ''), receive(100, true), receive(status), request('ACK', 1, '[branch-3]'));
}

/** Calls, hears it ringing, gives up. */
export function cancelledCall(sdp: string): string {
  return scenario(
    invite(sdp, ''),
    receive(100, true),
    receive(180),
    '\n  <pause milliseconds="100"/>',
    request('CANCEL', 1, '[branch-4]', ''),
    receive(200),
    receive(487),
    request('ACK', 1, '[branch-7]'),
  );
}
