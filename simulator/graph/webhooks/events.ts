import type { BusinessNumber, RestrictionType } from '../numbers/business-number.js';
import { waId } from '../permissions/book.js';
import { getSettings } from '../settings/endpoint.js';
import { numberOf } from '../state.js';
import type { PermissionReply } from '../users.js';
import type { Json, World } from '../world.js';

/** One `change` of a webhook. */
export interface WebhookEvent {
  readonly field: 'calls' | 'messages' | 'account_settings_update' | 'account_update';
  readonly value: Json;
}

export interface EventParties {
  /** Phone number id or +E164. */
  readonly number: string;
  readonly user: string;
  /** Epoch ms. Default: now. */
  readonly atMs?: number;
}

export interface CallEvent extends EventParties {
  readonly wacid: string;
  readonly direction: 'user-initiated' | 'business-initiated';
}

export interface CallError {
  readonly code: number;
  readonly message: string;
  readonly details?: string;
}

export interface TerminateEvent extends CallEvent {
  readonly status: 'COMPLETED' | 'FAILED';
  /** Epoch ms; absent: the call was not connected. */
  readonly startedAtMs?: number;
  /** Default: atMs. */
  readonly endedAtMs?: number;
  readonly errors?: readonly CallError[];
}

export interface ReplyEvent extends EventParties {
  readonly reply: PermissionReply;
  /** The request that is answered; absent: the user did it by itself. */
  readonly messageId?: string;
}

export interface AccountEvent {
  readonly event: 'ACCOUNT_VIOLATION' | 'ACCOUNT_RESTRICTION' | (string & {});
  readonly number?: string;
  readonly violationType?: string;
  readonly restrictions?: readonly { readonly type: RestrictionType; readonly expiresAtMs: number }[];
}

const seconds = (ms: number): number => Math.floor(ms / 1000);

/** What Meta would tell, ready to be sent. Meta's spelling; ids and times are given, nothing is looked up but numbers. */
export class WebhookEvents {
  constructor(private readonly world: World) {}

  callCreated(event: CallEvent): WebhookEvent {
    return this.#call(event, { ...this.#callHead(event), event: 'call_created' });
  }

  terminate(event: TerminateEvent): WebhookEvent {
    const endedAtMs = event.endedAtMs ?? event.atMs ?? this.world.clock();
    const errors = (event.errors ?? []).map(({ code, message, details }) => ({
      code,
      message,
      ...(details !== undefined && { error_data: { details } }),
    }));
    const inCall = this.world.switches.callErrorsIn === 'call';
    const call = {
      ...this.#callHead(event),
      event: 'terminate',
      status: event.status,
      ...(event.startedAtMs !== undefined && {
        start_time: String(seconds(event.startedAtMs)),
        end_time: String(seconds(endedAtMs)),
        duration: seconds(endedAtMs) - seconds(event.startedAtMs),
      }),
      ...(inCall && errors.length > 0 && { errors }),
    };
    return this.#call(event, call, !inCall && errors.length > 0 ? { errors } : {});
  }

  permissionReply({ reply, messageId, ...event }: ReplyEvent): WebhookEvent {
    const number = numberOf(this.world, event.number);
    return this.#message(event, {
      ...(messageId !== undefined && { context: { from: number.number.slice(1), id: messageId } }),
      type: 'interactive',
      interactive: { type: 'call_permission_reply', call_permission_reply: reply },
    });
  }

  /** The audio itself is not kept. */
  /** The message has the id of the call that was not answered. */
  voicemail({
    mediaId,
    wacid,
    ...event
  }: EventParties & { readonly mediaId: string; readonly wacid: string }): WebhookEvent {
    const audio = {
      id: mediaId,
      mime_type: 'audio/ogg; codecs=opus',
      sha256: this.world.random(32).toString('base64'),
    };
    return this.#message(event, { type: 'audio', audio: { ...audio, voice: true } }, wacid);
  }

  /** The number's settings as they are now, without passwords. */
  settingsUpdate(number: string, atMs = this.world.clock()): WebhookEvent {
    const known = numberOf(this.world, number);
    const token = { token: '', appId: this.world.options.appId, scopes: [] };
    const request = { method: 'GET', query: new URLSearchParams(), body: undefined, token, url: '' } as const;
    return {
      field: 'account_settings_update',
      value: {
        messaging_product: 'whatsapp',
        timestamp: String(seconds(atMs)),
        type: 'phone_number_settings',
        phone_number_settings: { phone_number_id: known.id, ...getSettings(request, known, this.world) },
      },
    };
  }

  accountUpdate({ event, number, violationType, restrictions }: AccountEvent): WebhookEvent {
    return {
      field: 'account_update',
      value: {
        event,
        ...(number !== undefined && { phone_number: numberOf(this.world, number).number.slice(1) }),
        ...(violationType !== undefined && { violation_info: { violation_type: violationType } }),
        ...(restrictions && {
          restriction_info: restrictions.map(({ type, expiresAtMs }) => ({
            restriction_type: type,
            expiration: seconds(expiresAtMs),
          })),
        }),
      },
    };
  }

  #call(event: CallEvent, call: Json, more: Json = {}): WebhookEvent {
    return { field: 'calls', value: { ...this.#head(numberOf(this.world, event.number)), calls: [call], ...more } };
  }

  #callHead({ wacid, number, user, direction, atMs = this.world.clock() }: CallEvent): Json {
    const business = numberOf(this.world, number).number.slice(1);
    const byUser = direction === 'user-initiated';
    return {
      id: wacid,
      from: byUser ? waId(user) : business,
      to: byUser ? business : waId(user),
      direction: byUser ? 'USER_INITIATED' : 'BUSINESS_INITIATED',
      timestamp: String(seconds(atMs)),
    };
  }

  #message(
    { number, user, atMs = this.world.clock() }: EventParties,
    content: Json,
    id = `wamid.${this.world.random(33).toString('base64')}`,
  ): WebhookEvent {
    const message = {
      from: waId(user),
      id,
      timestamp: String(seconds(atMs)),
      ...content,
    };
    return {
      field: 'messages',
      value: {
        ...this.#head(numberOf(this.world, number)),
        contacts: [{ profile: { name: 'Pablo' }, wa_id: waId(user) }],
        messages: [message],
      },
    };
  }

  #head({ number, id }: BusinessNumber): Json {
    return {
      messaging_product: 'whatsapp',
      metadata: { display_phone_number: number.slice(1), phone_number_id: id },
    };
  }
}

/** A body: every event is an entry of its own. */
export function envelope(businessAccountId: string, events: readonly WebhookEvent[], nowMs: number): Json {
  return {
    object: 'whatsapp_business_account',
    entry: events.map(({ field, value }) => ({
      id: businessAccountId,
      ...(field.startsWith('account_') && { time: seconds(nowMs) }),
      changes: [{ value, field }],
    })),
  };
}
