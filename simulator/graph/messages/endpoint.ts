import { invalidParameter, invalidValue, Refusal } from '../errors.js';
import type { BusinessNumber } from '../numbers/business-number.js';
import { ParseFault } from '../parse.js';
import { waId } from '../permissions/book.js';
import { requireBusinessCalls } from '../permissions/endpoint.js';
import { exhausted, requestLimits } from '../permissions/pair.js';
import type { ApiRequest, Json, World } from '../world.js';
import type { SentMessage } from './sent.js';
import { parseMessage, type Message } from './shape.js';

export function postMessage({ body }: ApiRequest, number: BusinessNumber, world: World): Json {
  const message = parsed(body);
  const user = waId(message.input);
  const asksPermission = asks(message, world);
  requireRecipient(user, world);
  requireCalling(number);
  if (asksPermission) requireRequestAllowed(number, user, world);
  if (message.content.type !== 'template') requireWindow(number, user, world);
  const sent: SentMessage = {
    id: `wamid.${world.random(33).toString('base64')}`,
    phoneNumberId: number.id,
    user,
    kind: message.content.type,
    asksPermission,
    body,
    atMs: world.clock(),
  };
  world.messages.push(sent);
  if (asksPermission) world.permissions.requested(number.id, user, sent.id);
  return {
    messaging_product: 'whatsapp',
    contacts: [{ input: message.input, wa_id: user }],
    messages: [{ id: sent.id }],
  };
}

/** Limits of fields are 131009 here, everything else about the shape 100. */
function parsed(body: unknown): Message {
  try {
    return parseMessage(body);
  } catch (error) {
    if (!(error instanceof ParseFault)) throw error;
    throw error.kind === 'value' ? invalidValue(error.message) : invalidParameter(error.message);
  }
}

function asks({ content }: Message, world: World): boolean {
  if (content.type !== 'template') return content.type === 'call_permission_request';
  const { name, language } = content;
  const template = world.templates.find((known) => known.name === name && known.language === language.code);
  if (template) return template.callPermissionRequest;
  throw new Refusal(132001, 'Template name does not exist in the translation', {
    status: 404,
    details: `template name (${name}) does not exist in ${language.code}`,
  });
}

function requireRecipient(user: string, { options }: World): void {
  if (options.mode !== 'sandbox' || !options.allowedRecipients) return;
  if (options.allowedRecipients.some((allowed) => waId(allowed) === user)) return;
  throw new Refusal(131030, 'Recipient phone number not in allowed list');
}

function requireCalling({ calling }: BusinessNumber): void {
  if (calling.status === 'ENABLED') return;
  throw new Refusal(138000, 'Calling not enabled', { details: 'Calling is not enabled for this phone number' });
}

function requireRequestAllowed(number: BusinessNumber, user: string, world: World): void {
  requireBusinessCalls(number, world);
  const pair = world.permissions.get(number.id, user);
  if (pair.kind === 'permanent') {
    throw new Refusal(138017, 'Permanent call permission exists already', {
      details: 'The user has given permanent permission: there is nothing to ask for',
    });
  }
  const full = requestLimits(pair, world.clock(), world.limits).find(exhausted);
  if (!full) return;
  throw new Refusal(138009, 'Call permission request limit hit', {
    details: `Limit of ${full.max} call permission requests in ${full.period} reached for this user`,
  });
}

function requireWindow(number: BusinessNumber, user: string, world: World): void {
  const { windowUntilMs } = world.permissions.get(number.id, user);
  if (windowUntilMs !== undefined && windowUntilMs > world.clock()) return;
  throw new Refusal(131047, 'Re-engagement message', {
    details: 'More than 24 hours have passed since the user last wrote or called: send a template instead',
  });
}
