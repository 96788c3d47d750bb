import * as f from './formats.js';
import { dictionary, group, list, optional, required, withDefault } from './shapes.js';

/** What `wa-trunk apply` brings into being at Meta for one number. A key that is not there is left alone. */

const status = f.oneOf('enabled', 'disabled');
const LEFT_ALONE = 'left as it is';

const sip = group({
  status: withDefault(status, 'Whether calls come and go over SIP.', 'enabled'),
  hostname: optional(
    f.fqdn,
    'The SIP server that Meta calls; never an IP address.',
    'gateway.hostname',
    'sip.example.com',
  ),
  port: optional(f.port, 'Its TLS port.', 'the port that whatsapp.listen advertises or listens on', 5061),
  requestUriUserParams: optional(
    dictionary(),
    'User parameters that Meta puts into the request-URI; at most 128 characters in all.',
    'none',
    { tgrp: 'wacall' },
  ),
  webhookDelivery: optional(status, 'Whether Meta also tells of SIP calls by webhook.', LEFT_ALONE, 'enabled'),
});

const holiday = group({
  date: required(f.date, 'The day.', '2026-12-25'),
  from: required(f.timeOfDay, 'Open from this time on; the same time twice: closed all day.', '00:00'),
  to: required(f.timeOfDay, 'Open until then.', '00:00'),
});

const callHours = group({
  status: withDefault(status, 'Whether calls are possible at these hours only.', 'enabled'),
  timezone: required(f.timeZone, 'IANA time zone of the times.', 'America/Sao_Paulo'),
  weekly: required(
    list('hours', f.weekly),
    'Days (Mo Tu We Th Fr Sa Su) and times: at most two windows a day, none past midnight.',
    ['Mo-Fr 09:00-18:00', 'Sa 10:00-14:00'],
  ),
  holidays: withDefault(list('holidays', holiday, 0), 'Days with other hours, at most 20.', [], 'no holidays'),
});

const voicemail = group({
  status: {
    ...withDefault(status, 'Whether Meta takes messages; not together with call hours.', 'enabled'),
    // The example file has call hours.
    example: 'disabled',
  },
  triggers: withDefault(
    list('triggers', f.oneOf('reject', 'timeout')),
    'When it begins: the call was refused, or nobody answered.',
    ['reject', 'timeout'],
  ),
  announcementMediaId: optional(f.digits, "Meta's id of an uploaded announcement.", LEFT_ALONE, '1013859600285441'),
  timeoutSeconds: optional(f.integer(0, 30), 'How long it rings before, in seconds.', LEFT_ALONE, 20),
});

export const calling = group({
  status: optional(status, 'Whether the number can be called at all.', LEFT_ALONE, 'enabled'),
  sip: optional(sip, 'The SIP server of the number.', LEFT_ALONE, {}),
  callIconVisibility: optional(
    f.oneOf('default', 'disable_all'),
    'Whether users see the call icon.',
    LEFT_ALONE,
    'default',
  ),
  callIcons: optional(
    group({
      restrictToUserCountries: required(
        list('countries', f.countryCode, 0),
        'ISO 3166 countries whose users see it; an empty list is everywhere.',
        ['BR'],
      ),
    }),
    'Who sees the call icon.',
    LEFT_ALONE,
    {},
  ),
  callHours: optional(callHours, 'When the number can be called.', LEFT_ALONE, {}),
  callbackPermission: optional(
    status,
    'Whether a user who calls and is not answered is asked to allow a call back.',
    LEFT_ALONE,
    'enabled',
  ),
  voicemail: optional(voicemail, 'Messages of users who were not answered.', LEFT_ALONE, {}),
});
