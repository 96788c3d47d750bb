/** The interactive message with a call button. */
import type { Graph, GraphObject } from '../graph/port.js';
import { MAX_PAYLOAD, payloadFault, tooLong } from './payload.js';

export interface CallButton {
  /** E.164 number with its `+`, or business-scoped user id. */
  readonly user: string;
  /** Body of the message. */
  readonly text: string;
  /** On the button; absent: Meta's own, "Call Now". */
  readonly displayText?: string;
  /** How long the button works; absent: Meta's own, 7 days. */
  readonly ttlMinutes?: number;
  /** Comes back in `x-wa-meta-cta-payload` of the INVITE. */
  readonly payload?: string;
}

export interface SentButton {
  /** Meta's id of the message; absent: it told none. */
  readonly messageId?: string;
}

export const BUTTON_LIMITS = { text: 1024, displayText: 20, ttlMinutes: [1, 43_200], payload: MAX_PAYLOAD } as const;

export interface ButtonFault {
  readonly field: keyof CallButton;
  /** `found …, allowed …` */
  readonly fault: string;
}

/** What Meta would refuse; empty: nothing that can be told from here. */
export function buttonFaults(button: CallButton): readonly ButtonFault[] {
  const { user, text, displayText, ttlMinutes, payload } = button;
  const faults: Readonly<Record<keyof CallButton, string | undefined>> = {
    user: recipient(user) === undefined ? `found "${user}", allowed ${USER_ALLOWED}` : undefined,
    text: text.trim() === '' ? 'found nothing, allowed a text' : tooLong(text, BUTTON_LIMITS.text),
    displayText: displayText === undefined ? undefined : displayTextFault(displayText),
    ttlMinutes: ttlMinutes === undefined ? undefined : ttlFault(ttlMinutes),
    payload: payload === undefined ? undefined : payloadFault(payload, BUTTON_LIMITS.payload),
  };
  return (Object.keys(faults) as (keyof CallButton)[]).flatMap((field) => {
    const fault = faults[field];
    return fault === undefined ? [] : [{ field, fault }];
  });
}

/**
 * Sends it. Only within the customer service window: 24 hours from the user's last message or call.
 * @param button without faults. Rejects with GraphError
 */
export async function sendButton(graph: Graph, phoneNumberId: string, button: CallButton): Promise<SentButton> {
  const reply = await graph.post(`${phoneNumberId}/messages`, buttonMessage(button));
  const messages: unknown = reply.messages;
  const [first] = Array.isArray(messages) ? (messages as unknown[]) : [];
  const id = typeof first === 'object' && first !== null ? (first as { id?: unknown }).id : undefined;
  return typeof id === 'string' ? { messageId: id } : {};
}

const USER_ALLOWED = 'an E.164 number with its + such as +4915112345678, or a user id such as US.13491208655302741918';

function buttonMessage({ user, text, displayText, ttlMinutes, payload }: CallButton): GraphObject {
  const parameters = {
    ...(displayText === undefined ? {} : { display_text: displayText }),
    ...(ttlMinutes === undefined ? {} : { ttl_minutes: ttlMinutes }),
    ...(payload === undefined ? {} : { payload }),
  };
  const withParameters = Object.keys(parameters).length === 0 ? {} : { parameters };
  return {
    ...{ messaging_product: 'whatsapp', recipient_type: 'individual', ...recipient(user), type: 'interactive' },
    interactive: { type: 'voice_call', body: { text }, action: { name: 'voice_call', ...withParameters } },
  };
}

/** Meta takes a number as `to` and a business-scoped user id as `recipient`. */
function recipient(user: string): { to: string } | { recipient: string } | undefined {
  if (/^\+[1-9]\d{6,14}$/.test(user)) return { to: user.slice(1) };
  return /^[A-Z]{2}\.[A-Za-z0-9.]{1,128}$/.test(user) ? { recipient: user } : undefined;
}

function displayTextFault(text: string): string | undefined {
  if (text.trim() === '') return 'found nothing, allowed a text; leave it out for "Call Now"';
  return tooLong(text, BUTTON_LIMITS.displayText);
}

function ttlFault(minutes: number): string | undefined {
  const [min, max] = BUTTON_LIMITS.ttlMinutes;
  const good = Number.isInteger(minutes) && minutes >= min && minutes <= max;
  return good ? undefined : `found ${minutes}, allowed ${min} to ${max} minutes`;
}
