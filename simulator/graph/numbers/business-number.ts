import { parsePhoneNumberFromString } from 'libphonenumber-js/min';
import type { NumberOptions } from '../options.js';
import { NEVER_SET, type Calling, type SipServer } from '../settings/calling.js';

export type RestrictionType = 'RESTRICTED_BUSINESS_INITIATED_CALLING' | 'RESTRICTED_USER_INITIATED_CALLING';

export interface Restriction {
  readonly type: RestrictionType;
  readonly reason: string;
  /** Epoch ms. */
  readonly expiresAtMs: number;
}

export type Ability = 'AVAILABLE' | 'LIMITED' | 'BLOCKED';

export interface HealthError {
  readonly error_code: number;
  readonly error_description: string;
  readonly possible_solution: string;
}

/** In place of what the settings say. */
export interface HealthOverride {
  readonly can_receive_call_sip: Ability;
  readonly errors?: readonly HealthError[];
  readonly additional_info?: readonly string[];
}

export interface HealthOverrides {
  readonly number?: HealthOverride;
  readonly app?: HealthOverride;
}

export class BusinessNumber {
  readonly id: string;
  /** E.164 with +. */
  readonly number: string;
  /** As Meta writes it, with blanks. */
  readonly displayNumber: string;
  readonly verifiedName: string;
  readonly country: string;
  calling: Calling = NEVER_SET;
  restrictions: readonly Restriction[] = [];
  health: HealthOverrides = {};

  constructor(options: NumberOptions) {
    const parsed = parsePhoneNumberFromString(options.number);
    if (parsed?.number !== options.number) {
      throw new TypeError(`startGraph: numbers: ${options.number} is not an E.164 number with +`);
    }
    this.id = options.phoneNumberId;
    this.number = parsed.number;
    this.displayNumber = parsed.formatInternational();
    this.verifiedName = options.verifiedName ?? 'Example Ltd';
    this.country = options.country ?? parsed.country ?? 'ZZ';
  }

  /** The SIP server that this app has set. */
  serverOf(appId: string): SipServer | undefined {
    return this.calling.sip?.servers.find(({ app_id }) => app_id === appId);
  }
}
