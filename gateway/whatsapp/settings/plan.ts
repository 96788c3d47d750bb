import type { GraphObject } from '../graph/port.js';
import type { MetaCalling, MetaSip, MetaVoicemail } from './calling.js';
import type { Change } from './diff.js';

export const STEPS = ['disable', 'sip', 'enable', 'settings', 'keying'] as const;
export type Step = (typeof STEPS)[number];

/** One POST to `<id>/settings`. */
export interface Write {
  readonly step: Step;
  readonly body: GraphObject;
  /** What it brings about. */
  readonly changes: readonly Change[];
}

/**
 * The writes that make `changes` true, in their order: calling is switched off before SIP is touched and on after it, so that
 * a number never takes calls that have nowhere to go; keying comes last and alone, since a write of `sip` may reset it.
 */
export function planWrites(wanted: MetaCalling, current: MetaCalling, changes: readonly Change[]): readonly Write[] {
  return STEPS.flatMap((step) => {
    const own = changes.filter((change) => stepOf(change, wanted) === step);
    return own.length === 0 ? [] : [{ step, body: { calling: bodyOf(step, wanted, current, own) }, changes: own }];
  });
}

function stepOf({ path }: Change, wanted: MetaCalling): Step {
  if (path === 'status') return wanted.status === 'DISABLED' ? 'disable' : 'enable';
  if (path.startsWith('sip.')) return 'sip';
  return path === 'srtp_key_exchange_protocol' ? 'keying' : 'settings';
}

function bodyOf(step: Step, wanted: MetaCalling, current: MetaCalling, changes: readonly Change[]): GraphObject {
  switch (step) {
    case 'disable':
    case 'enable':
      return { status: wanted.status };
    case 'sip':
      return { sip: sipBody(wanted.sip, current.sip) };
    case 'keying':
      return { srtp_key_exchange_protocol: wanted.srtp_key_exchange_protocol };
    case 'settings':
      return settingsBody(wanted, current, changes);
  }
}

/** What is not wanted to be anything is sent as it is: it stays whether Meta replaces the whole or merges. */
function sipBody(wanted: MetaSip = {}, current: MetaSip = {}): GraphObject {
  const delivery = wanted.webhook_delivery ?? current.webhook_delivery;
  return {
    status: wanted.status,
    // While disabled Meta keeps the servers.
    ...(wanted.status === 'ENABLED' ? { servers: wanted.servers } : {}),
    ...(delivery === undefined ? {} : { webhook_delivery: delivery }),
  };
}

function settingsBody(wanted: MetaCalling, current: MetaCalling, changes: readonly Change[]): GraphObject {
  const touched = new Set(changes.map(({ path }) => path.split('.')[0]));
  const { audio, call_icon_visibility, call_icons, call_hours, callback_permission_status, voicemail } = wanted;
  const all = {
    audio,
    call_icon_visibility,
    call_icons,
    call_hours,
    callback_permission_status,
    voicemail: voicemail && voicemailBody(voicemail, current.voicemail),
  };
  return Object.fromEntries(Object.entries(all).filter(([key]) => touched.has(key)));
}

function voicemailBody(wanted: MetaVoicemail, current: MetaVoicemail = {}): MetaVoicemail {
  const { audio, timeout_seconds } = { ...current, ...wanted };
  return {
    ...wanted,
    ...(audio === undefined ? {} : { audio }),
    ...(timeout_seconds === undefined ? {} : { timeout_seconds }),
  };
}
