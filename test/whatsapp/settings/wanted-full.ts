import type { CallingConfig } from '../../../gateway/config/types-control.js';

/** Every key of numbers[].calling. */
export const FULL: CallingConfig = {
  status: 'enabled',
  sip: {
    status: 'enabled',
    hostname: 'sip.example.com',
    port: 5061,
    requestUriUserParams: { tgrp: 'wacall' },
    webhookDelivery: 'enabled',
  },
  callIconVisibility: 'disable_all',
  restrictToUserCountries: ['US', 'BR'],
  callHours: {
    status: 'enabled',
    timezone: 'America/Manaus',
    weekly: [
      { days: [6], times: [{ from: 0, to: 90 }] },
      {
        days: [0],
        times: [
          { from: 840, to: 1440 },
          { from: 540, to: 750 },
        ],
      },
    ],
    holidays: [
      { date: '2026-12-25', from: '00:00', to: '00:00' },
      { date: '2026-12-24', from: '09:00', to: '12:00' },
    ],
  },
  callbackPermission: 'enabled',
  voicemail: { status: 'disabled', triggers: ['timeout', 'reject'], announcementMediaId: '77', timeoutSeconds: 20 },
  keying: 'sdes',
  additionalCodecs: ['PCMU', 'PCMA'],
};
