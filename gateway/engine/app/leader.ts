import { randomUUID } from 'node:crypto';
import type { Flow } from '../transport/flow.js';

/** Time of day as drachtio writes it: `HH:MM:SS.uuuuuu`. */
export function stamp(now = new Date()): string {
  return `${now.toISOString().slice(11, 23)}000`;
}

function peer(flow: Flow): string {
  return `${flow.transport}|${flow.remote.address}|${flow.remote.port}`;
}

/** A SIP message from the network, `dialog` empty for one outside of dialogs. */
export function networkMessage(text: string, flow: Flow, transaction: string, dialog: string): string {
  const { address, port } = flow.local;
  return (
    `${randomUUID()}|sip|network|${text.length}|${peer(flow)}|${stamp()}|${transaction}|${dialog}|` +
    `${address}|${port}|\r\n${text}`
  );
}

/** A BYE that the engine sent by itself. */
export function unsolicited(text: string, flow: Flow, dialog: string): string {
  return `${randomUUID()}|sip|application|${text.length}|${peer(flow)}|${stamp()}|unsolicited|${dialog}|\r\n${text}`;
}

export function requestSent(text: string, flow: Flow, transaction: string): string {
  return `OK|application|${text.length}|${peer(flow)}|${stamp()}|${transaction}|Msg sent:|\r\n${text}`;
}

export function responseSent(text: string, flow: Flow, transaction: string, dialog: string): string {
  return `OK|application|${text.length}|${peer(flow)}|${stamp()}|${transaction}|${dialog}||Msg sent:|\r\n${text}`;
}
