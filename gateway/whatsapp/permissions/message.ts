/** The messages that ask a user for the permission to call. */
import type { GraphObject } from '../graph/port.js';

export type RequestMessage =
  | { readonly kind: 'free-form'; readonly text: string }
  | { readonly kind: 'template'; readonly name: string; readonly language: string };

export function messageBody(user: string, message: RequestMessage): GraphObject {
  const base = { messaging_product: 'whatsapp', recipient_type: 'individual', ...addressOf(user) };
  switch (message.kind) {
    case 'free-form':
      return {
        ...base,
        type: 'interactive',
        interactive: {
          type: 'call_permission_request',
          action: { name: 'call_permission_request' },
          body: { text: message.text },
        },
      };
    case 'template':
      return { ...base, type: 'template', template: { name: message.name, language: { code: message.language } } };
  }
}

/** A business-scoped user id has a field of its own. */
function addressOf(user: string): GraphObject {
  return isPhone(user) ? { to: user.replace('+', '') } : { recipient: user };
}

export function permissionQuery(user: string): Readonly<Record<string, string>> {
  return isPhone(user) ? { user_wa_id: user.replace('+', '') } : { recipient: user };
}

const isPhone = (user: string): boolean => /^\+?\d+$/.test(user);
