import * as f from './formats.js';
import { group, list, required } from './shapes.js';

export const hours = group({
  timezone: required(f.timeZone, 'IANA time zone of the times.', 'America/Sao_Paulo'),
  weekly: required(
    list('hours', f.weekly),
    'Days (Mo Tu We Th Fr Sa Su) and times; a time that ends before it begins ends on the next day.',
    ['Mo-Fr 09:00-18:00', 'Sa 10:00-14:00'],
  ),
});
