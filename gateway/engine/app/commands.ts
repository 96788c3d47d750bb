/** What an app can ask for. Texts of SIP messages begin after the leader line. */
export type Command =
  | { kind: 'authenticate'; secret: string }
  | { kind: 'route'; verb: string }
  | { kind: 'remove-route'; verb: string }
  | { kind: 'ping' }
  | { kind: 'sip'; transaction: string; dialog: string; proxy: string; text: string }
  | { kind: 'proxy' }
  | { kind: 'unknown'; name: string };

/** Splits a payload from an app: `ID|command|…`, then perhaps CRLF and a SIP message. */
export function parseCommand(payload: string): { id: string; command: Command } {
  const lineEnd = payload.indexOf('\r\n');
  const leader = lineEnd === -1 ? payload : payload.slice(0, lineEnd);
  const [id = '', name = '', first = '', second = '', third = ''] = leader.split('|');
  switch (name) {
    case 'authenticate':
      return { id, command: { kind: 'authenticate', secret: first } };
    case 'route':
      return { id, command: { kind: 'route', verb: first.toUpperCase() } };
    case 'remove_route':
      return { id, command: { kind: 'remove-route', verb: first.toUpperCase() } };
    case 'ping':
      return { id, command: { kind: 'ping' } };
    case 'proxy':
      return { id, command: { kind: 'proxy' } };
    case 'sip': {
      const text = lineEnd === -1 ? '' : payload.slice(lineEnd + 2);
      return { id, command: { kind: 'sip', transaction: first, dialog: second, proxy: third, text } };
    }
    default:
      return { id, command: { kind: 'unknown', name } };
  }
}
