/** Who is told of events, and who counts them. */
import type {
  AccountChanged,
  CallCreated,
  CallTerminated,
  Kind,
  PermissionReply,
  SettingsChanged,
  Voicemail,
  WebhookEvent,
} from './events.js';

/**
 * Each event is told once, or more often after a crash or a failure; of one subject never an earlier one after a later.
 * A handler that rejects or takes too long is told again later.
 */
export interface WebhookHandlers {
  permissionReply(event: PermissionReply): Promise<void>;
  callCreated(event: CallCreated): Promise<void>;
  callTerminated(event: CallTerminated): Promise<void>;
  voicemail(event: Voicemail): Promise<void>;
  settingsChanged(event: SettingsChanged): Promise<void>;
  accountChanged(event: AccountChanged): Promise<void>;
}

export interface InboxObserver {
  /** Kept in the store, to be handled. */
  accepted(kind: Kind): void;
  duplicate(kind: Kind): void;
  /** Nothing the gateway acts on; `fault`: it should have been. */
  ignored(field: string, fault?: string): void;
  handled(kind: Kind): void;
  /** A later event of the same subject was handled before. */
  outdated(kind: Kind): void;
  /** A handler failed and is told again. */
  failed(kind: Kind): void;
  /** Given up after too many failures. */
  dropped(kind: Kind): void;
  /** Events not done, after every change. */
  queue(length: number): void;
}

export function dispatch(event: WebhookEvent, handlers: WebhookHandlers): Promise<void> {
  switch (event.kind) {
    case 'permission-reply':
      return handlers.permissionReply(event);
    case 'call-created':
      return handlers.callCreated(event);
    case 'call-terminated':
      return handlers.callTerminated(event);
    case 'voicemail':
      return handlers.voicemail(event);
    case 'settings-changed':
      return handlers.settingsChanged(event);
    case 'account-changed':
      return handlers.accountChanged(event);
  }
}
