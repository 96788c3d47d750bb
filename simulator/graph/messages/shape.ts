import { anything, array, integer, matching, object, oneOf, ParseFault, string, type Parse } from '../parse.js';
import { isBsuid, isWaId } from '../permissions/book.js';

const TEXT_MAX = 1024;

const text = object({ text: string({ min: 1, max: TEXT_MAX }) }, ['text']);

const permissionRequest = object(
  {
    type: oneOf('call_permission_request'),
    body: text,
    action: object({ name: oneOf('call_permission_request') }, ['name']),
  },
  ['type', 'action'],
);

const callButton = object(
  {
    type: oneOf('voice_call'),
    body: text,
    action: object(
      {
        name: oneOf('voice_call'),
        parameters: object({
          display_text: string({ min: 1, max: 20 }),
          ttl_minutes: integer(1, 43_200),
          payload: string({ max: 512 }),
        }),
      },
      ['name'],
    ),
  },
  ['type', 'body', 'action'],
);

const template = object(
  {
    name: string({ min: 1, max: 512 }),
    language: object({ code: string({ min: 2 }), policy: oneOf('deterministic') }, ['code']),
    components: array(object({ type: oneOf('header', 'body'), parameters: array(anything) }, ['type', 'parameters'])),
  },
  ['name', 'language'],
);

const interactive: Parse<PermissionRequest | CallButton> = (value, path) => {
  const { type } = object({ type: string(), header: anything, body: anything, footer: anything, action: anything }, [
    'type',
  ])(value, path);
  switch (type) {
    case 'call_permission_request':
      return permissionRequest(value, path);
    case 'voice_call':
      return callButton(value, path);
    default:
      throw new ParseFault('value', `${path}.type`, 'must be call_permission_request or voice_call in this stand-in');
  }
};

export type PermissionRequest = ReturnType<typeof permissionRequest>;
export type CallButton = ReturnType<typeof callButton>;
export type TemplateMessage = ReturnType<typeof template>;

const fields = object(
  {
    messaging_product: oneOf('whatsapp'),
    recipient_type: oneOf('individual'),
    to: matching(isWaId, 'must be a phone number'),
    recipient: matching(isBsuid, 'must be a business-scoped user id'),
    type: oneOf('interactive', 'template'),
    interactive,
    template,
    biz_opaque_callback_data: string({ max: 512 }),
  },
  ['messaging_product', 'type'],
);

export interface Message {
  /** As it came: a phone number with or without +, or a BSUID. */
  readonly input: string;
  readonly content: PermissionRequest | CallButton | ({ readonly type: 'template' } & TemplateMessage);
}

/** With both `to` and `recipient`, `to` has priority. */
export function parseMessage(body: unknown): Message {
  const message = fields(body, 'body');
  const input = message.to ?? message.recipient;
  if (input === undefined) throw new ParseFault('shape', 'body.to', 'is required');
  if (message.type === 'template') {
    if (!message.template) throw new ParseFault('shape', 'body.template', 'is required');
    return { input, content: { ...message.template, type: 'template' } };
  }
  if (!message.interactive) throw new ParseFault('shape', 'body.interactive', 'is required');
  return { input, content: message.interactive };
}
