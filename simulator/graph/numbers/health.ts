import type { AccessToken } from '../options.js';
import type { Json, World } from '../world.js';
import type { BusinessNumber, HealthError, HealthOverride } from './business-number.js';

const SIP_NOT_ENABLED: HealthError = {
  error_code: 138024,
  error_description: 'WhatsApp Business calling cannot use SIP because it is not enabled',
  possible_solution: 'Enable calling and SIP for the business phone number.',
};

const NO_SIP_SERVER: HealthError = {
  error_code: 138025,
  error_description:
    'This app cannot use SIP for WhatsApp Business calling because it has not configured a SIP server for this business phone number',
  possible_solution: 'Set a SIP server for the business phone number with a token of this app.',
};

/** `health_status`: no aggregate for SIP, but the aggregate for messages may be BLOCKED because of SIP. */
export function healthStatus(number: BusinessNumber, { appId }: AccessToken, world: World): Json {
  const sip = numberHealth(number);
  const app = appHealth(number, appId);
  const blocked = world.switches.healthCountsSip && [sip, app].some((of) => of.can_receive_call_sip === 'BLOCKED');
  return {
    can_send_message: blocked ? 'BLOCKED' : 'AVAILABLE',
    entities: [
      { entity_type: 'PHONE_NUMBER', id: number.id, can_send_message: 'AVAILABLE', ...sip },
      { entity_type: 'WABA', id: world.options.businessAccountId, can_send_message: 'AVAILABLE' },
      { entity_type: 'BUSINESS', id: `${world.options.businessAccountId}0`, can_send_message: 'AVAILABLE' },
      { entity_type: 'APP', id: appId, can_send_message: 'AVAILABLE', ...app },
    ],
  };
}

function numberHealth({ health, calling }: BusinessNumber): HealthOverride {
  if (health.number) return health.number;
  const enabled = calling.status === 'ENABLED' && calling.sip?.status === 'ENABLED';
  return enabled
    ? { can_receive_call_sip: 'AVAILABLE' }
    : { can_receive_call_sip: 'BLOCKED', errors: [SIP_NOT_ENABLED] };
}

function appHealth(number: BusinessNumber, appId: string): HealthOverride {
  if (number.health.app) return number.health.app;
  return number.serverOf(appId)
    ? { can_receive_call_sip: 'AVAILABLE' }
    : { can_receive_call_sip: 'BLOCKED', errors: [NO_SIP_SERVER] };
}
