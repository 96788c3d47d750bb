import { randomBytes } from 'node:crypto';
import { brakedChallenger } from '../calls/braked-challenger.js';
import { BusinessCalls } from '../calls/business-calls.js';
import { CallbackCalls } from '../calls/callback-calls.js';
import { createCallerOf } from '../calls/caller-id.js';
import { Calls } from '../calls/calls.js';
import { createAdmission, type LimitFigures } from '../calls/limits.js';
import { dialCountry, toE164 } from '../calls/numbering.js';
import type { CallObserver } from '../calls/observer.js';
import { createOverloadGate } from '../calls/overload.js';
import { Router } from '../calls/routing.js';
import { StoredMinutes } from '../calls/stored-minutes.js';
import { UserCalls } from '../calls/user-calls.js';
import type { Config } from '../config/types.js';
import type { ListenAddress } from '../engine/index.js';
import type { MediaPort } from '../media/port.js';
import type { Identify } from '../pbx/identify.js';
import type { TrunkHosts } from '../pbx/trunk-hosts.js';
import type { IncomingInvite, SipPort } from '../sip/port.js';
import { callObserver } from '../telemetry/call-observer.js';
import { combineObservers } from '../telemetry/combine-observers.js';
import { logOfCall } from '../telemetry/log.js';
import { createChallenger } from './challenger.js';
import type { ControlPlane } from './control-plane.js';
import { dispatch, pbxContact } from './dispatch.js';
import { loopDelay } from './loop-delay.js';
import { whatsappBrake } from './guess-brakes.js';
import type { Closers, GatewayDeps } from './parts.js';
import { edgeUri, type Trust } from './sip-server.js';

export interface CallParts {
  readonly sip: SipPort;
  readonly media: MediaPort;
  readonly trust: Trust;
  readonly hosts: TrunkHosts;
  readonly identify: Identify;
  readonly control: ControlPlane;
  /** Besides log and metrics. */
  readonly observers: readonly CallObserver[];
  readonly addresses: readonly ListenAddress[];
}

export interface BuiltCalls {
  readonly calls: Calls;
  readonly callbackCalls: CallbackCalls;
  readonly handle: (invite: IncomingInvite) => void;
  readonly limits: () => LimitFigures;
}

/** The desks for both directions, and whoever hands each INVITE to one of them. */
export function buildCalls(
  config: Config,
  { log, metrics }: GatewayDeps,
  parts: CallParts,
  closers: Closers,
): BuiltCalls {
  const { sip, media, hosts: trunks, addresses, control } = parts;
  const observer = combineObservers([callObserver(log, metrics), ...parts.observers], log);
  const calls = new Calls({
    ...{ sip, observer },
    overload: createOverloadGate({ delayMs: loopDelay(closers), limitMs: 15, sampleMs: 100 }),
    logFor: (fields) => logOfCall(log, fields),
    now: () => performance.now(),
  });
  const ledger = new StoredMinutes({ store: control.store, now: Date.now, log: log.child({ part: 'store' }) });
  closers.push(() => ledger.close());
  const admission = createAdmission({ gateway: config.gateway, ledger, now: Date.now });
  const common = {
    ...{ config, calls, media, trunks, admission },
    contactPort: config.whatsapp.listen[0]?.advertised?.port ?? addresses[0]?.port ?? 5061,
    newId: () => randomBytes(8).toString('hex'),
  };
  const users = new UserCalls({
    ...common,
    router: new Router(config),
    challenger: brakedChallenger(
      createChallenger(config.gateway.hostname, control.credentials),
      whatsappBrake({ log, metrics }),
    ),
  });
  const { gate, credentials } = control;
  const callLog = log.child({ part: 'calls' });
  const businesses = new BusinessCalls({
    ...common,
    gate,
    credentials,
    userOf: (dialled, number, trunk) => toE164(dialled, dialCountry(number, trunk)),
    callerOf: createCallerOf(config.numbers),
    nextHop: config.sip.engine === 'embedded' ? undefined : edgeUri(config),
    pbxContact: (invite) => pbxContact(invite, addresses, config),
    log: callLog,
  });
  const callbackCalls = new CallbackCalls({ ...common, businesses, gate, sip, log: callLog });
  const { trust, identify } = parts;
  return {
    calls,
    callbackCalls,
    handle: (invite) => dispatch(invite, { trust, users, businesses, identify, observer }),
    limits: () => admission.figures(config),
  };
}
