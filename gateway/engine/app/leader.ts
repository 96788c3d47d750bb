import { randomUUID } from 'node:crypto';
import type { Flow } from '../transport/flow.js';

/** Time of day (UTC) as drachtio writes it: `HH:MM:SS.uuuuuu`. */
export function stamp(now = Date.now()): string {
  const ms = now % 86_400_000;
  const two = (value: number): string => (value < 10 ? `0${value}` : String(value));
  const seconds = Math.floor(ms / 1000);
  const fraction = String((ms % 1000) + 1000).slice(1);
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}.${fraction}000`;
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
