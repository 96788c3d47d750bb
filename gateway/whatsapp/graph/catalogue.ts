/** Meta's error codes that a calling set-up meets. docs/reference/graph-errors.md is this table (a test compares them). */
export interface KnownError {
  /** error.code, or the first of a range. */
  readonly code: number;
  /** The last of a range. */
  readonly last?: number;
  /** error.error_subcode; absent: whatever it is. */
  readonly subcode?: number;
  /** `rate`: asked too often; `token`: the access token is at fault; `other`. */
  readonly about: 'rate' | 'token' | 'other';
  readonly meaning: string;
  readonly remedy: string;
}

function other(code: number, meaning: string, remedy: string): KnownError {
  return { code, about: 'other', meaning, remedy };
}

function rate(code: number, meaning: string, remedy: string): KnownError {
  return { code, about: 'rate', meaning, remedy };
}

function token(code: number, subcode: number | undefined, meaning: string, remedy: string): KnownError {
  return { code, ...(subcode === undefined ? {} : { subcode }), about: 'token', meaning, remedy };
}

const NEW_TOKEN = 'make a new system-user token and put it into the token file';
const SLOW_DOWN = 'wait; make requests less often';
const TRY_LATER =
  'try again later; if it goes on, see the status page of WhatsApp Business and ask Meta with the trace id';

export const CATALOGUE: readonly KnownError[] = [
  token(0, undefined, 'Meta could not tell who asks', NEW_TOKEN),
  other(1, 'unknown error at Meta, or a request it could not make sense of', TRY_LATER),
  other(2, 'the service is down for the moment or overloaded', TRY_LATER),
  other(
    3,
    'the app may not use this part of the API',
    'add the WhatsApp product and its permissions to the app, and see that it is in Live mode',
  ),
  rate(4, "the app's limit of requests is reached", SLOW_DOWN),
  other(
    10,
    'the token lacks a permission, or the account has not granted it',
    'give the system user whatsapp_business_management and whatsapp_business_messaging for this account, then make a new token',
  ),
  rate(17, "the user's limit of requests is reached", SLOW_DOWN),
  rate(32, 'the limit of requests for this object is reached', SLOW_DOWN),
  other(
    33,
    'the number or account does not exist for this token',
    'correct numbers[].phoneNumberId or the business account id, or give the system user access to it',
  ),
  {
    code: 100,
    subcode: 33,
    about: 'other',
    meaning: 'the number or account does not exist for this token, or the request is not supported for it',
    remedy: 'correct numbers[].phoneNumberId or the business account id, or give the system user access to it',
  },
  other(100, 'a parameter is missing, misspelt or not allowed', 'correct the value that the message names'),
  token(102, undefined, 'the session of the token has ended', NEW_TOKEN),
  token(
    190,
    458,
    'the app was removed from the account',
    'connect the app to the account again, then make a new system-user token',
  ),
  token(190, 460, 'the token ended with a change of password', NEW_TOKEN),
  token(190, 463, 'the token has expired', `${NEW_TOKEN}; a system-user token can be made without an expiry`),
  token(190, 467, 'the token was revoked', NEW_TOKEN),
  token(
    190,
    492,
    'the user of the token has no role for this account any more',
    'give the system user access to the account again',
  ),
  token(190, undefined, 'the token is not valid', NEW_TOKEN),
  {
    code: 200,
    last: 299,
    about: 'other',
    meaning: 'the token lacks a permission for this',
    remedy:
      'give the system user whatsapp_business_management and whatsapp_business_messaging for this account, then make a new token',
  },
  other(
    368,
    'the account is blocked for a while for breaking a policy',
    'see the account quality in WhatsApp Manager, and appeal there',
  ),
  rate(613, 'too many requests of this kind in a short time', SLOW_DOWN),
  rate(80007, "the business account's limit of requests is reached", SLOW_DOWN),
  rate(130429, "the number's limit of messages a second is reached", SLOW_DOWN),
  other(131000, 'something went wrong at Meta', TRY_LATER),
  other(
    131005,
    'the permission for this was not granted or was removed',
    'give the system user whatsapp_business_messaging for this account, then make a new token',
  ),
  other(131008, 'a required parameter is missing', 'correct the value that the message names'),
  other(131009, 'a parameter has a value that is not allowed', 'correct the value that the message names'),
  other(131016, 'the service is down for the moment or overloaded', TRY_LATER),
  other(131021, 'sender and recipient are the same number', 'call or write to another number'),
  other(
    131026,
    'the message cannot be delivered: no WhatsApp account, terms not accepted, or too old a version',
    'ask the user to accept the current terms or to update WhatsApp',
  ),
  other(
    131030,
    'the recipient is not on the allow list of the test number',
    "add the user's number to the allow list of the test number",
  ),
  other(131031, 'the business account is locked', 'see the account in WhatsApp Manager, and appeal there'),
  other(
    131037,
    'the number needs an approved display name',
    'set the display name in WhatsApp Manager and wait for its approval',
  ),
  other(
    131042,
    'the payment method of the account does not work',
    'see the payment settings of the account in WhatsApp Manager',
  ),
  other(131044, 'the account has no payment method', 'add a payment method to the account in WhatsApp Manager'),
  other(131045, 'the number is not registered', 'register the number with the Cloud API'),
  other(
    131047,
    'more than 24 hours have passed since the user last wrote',
    'use a template instead of a free-form message',
  ),
  other(
    131048,
    'too many messages of this number were blocked or reported',
    'see the quality of the number in WhatsApp Manager, and send less',
  ),
  other(131049, 'Meta held the message back to keep the user engaged', 'try again later, after more than a day'),
  other(131050, 'the user does not want such messages', 'do not write to this user'),
  other(131051, 'the type of message is not supported', 'correct the type of the message'),
  other(131052, 'the media of the message could not be fetched', 'upload the media again'),
  other(131053, 'the media could not be uploaded', 'see that its type and size are supported'),
  other(
    131055,
    'the number has SIP enabled: calls of the Graph API are not possible',
    'call over SIP, or disable SIP for the number',
  ),
  other(131056, 'too many messages to the same user in a short time', 'wait before writing to this user again'),
  other(131057, 'the account is in maintenance', 'try again later'),
  other(132000, 'the template takes another number of values', 'correct the values for the template'),
  other(
    132001,
    'there is no such template in that language, or it is not approved',
    'correct name and language of the template, or wait for its approval',
  ),
  other(132007, 'the template breaks a policy', 'see the template in WhatsApp Manager'),
  other(132015, 'the template is paused for low quality', 'edit the template, or use another one'),
  other(132016, 'the template is disabled for low quality', 'use another template'),
  other(133010, 'the number is not registered with the Cloud API', 'register the number'),
  other(
    138000,
    'calling is not enabled for the number',
    'set numbers[].calling.status to enabled and run wa-trunk apply',
  ),
  other(138001, 'the user cannot be called', 'nothing: no WhatsApp that can be called, or terms not accepted'),
  other(138002, 'the limit of calls at once is reached', 'wait for calls to end'),
  other(138003, 'there is a call with this user already', 'wait for it to end'),
  other(138004, 'the connection of the call failed', 'try again'),
  rate(138005, 'too many calls in a short time', SLOW_DOWN),
  other(138006, 'the user has not given permission to be called', 'ask for it: wa-trunk permissions request'),
  other(138007, 'the call was not connected in time', 'try again; look at the network between the gateway and Meta'),
  other(
    138009,
    'the limit of permission requests to this user is reached',
    'wait: wa-trunk permissions show says until when',
  ),
  other(
    138012,
    'the limit of connected calls to this user is reached',
    'wait: wa-trunk permissions show says until when',
  ),
  other(
    138013,
    'business-initiated calls are not available for this number',
    'use a number of a country where they are',
  ),
  other(
    138014,
    'calling is restricted for low quality',
    'see numbers[].restrictions in wa-trunk numbers; call who picks up',
  ),
  other(
    138015,
    'calling needs a messaging limit of at least 2000',
    "raise the number's messaging limit: see WhatsApp Manager",
  ),
  other(138017, 'the user has given permanent permission already', 'nothing: call'),
  other(
    138018,
    'calling cannot be enabled yet: neither SIP nor the webhook field calls is set up',
    'enable SIP with a server first, or subscribe the app to the field calls',
  ),
  other(138019, 'the media of the call could not be set up', "look at the call's SDP and the keying of the number"),
  other(138020, 'the media of the call could not be set up', "look at the call's SDP and the keying of the number"),
  other(138021, 'no media came from the business', 'open the media ports: the business must send the first packet'),
  other(138022, 'the media of the call could not be set up', "look at the call's SDP and the keying of the number"),
  other(138023, 'the media of the call could not be set up', "look at the call's SDP and the keying of the number"),
  other(
    138024,
    'SIP is not enabled for the number',
    'set numbers[].calling.sip.status to enabled and run wa-trunk apply',
  ),
  other(
    138025,
    'this app has no SIP server at the number',
    'set numbers[].calling.sip and run wa-trunk apply with a token of the app that is to serve it',
  ),
];
