import { randomBytes } from 'node:crypto';
import { BusinessCalls, type Credentials, type PermissionGate } from '../calls/business-calls.js';
import { CallbackCalls } from '../calls/callback-calls.js';
import { createCallerOf } from '../calls/caller-id.js';
import { Calls } from '../calls/calls.js';
import { createAdmission, createMemoryLedger } from '../calls/limits.js';
import { dialCountry, toE164 } from '../calls/numbering.js';
import type { CallObserver } from '../calls/observer.js';
import { createOverloadGate } from '../calls/overload.js';
import { Router } from '../calls/routing.js';
import { UserCalls, type Challenger } from '../calls/user-calls.js';
import type { Config } from '../config/types.js';
import type { ListenAddress } from '../engine/index.js';
import type { MediaPort } from '../media/port.js';
import type { Identify } from '../pbx/identify.js';
import type { TrunkHosts } from '../pbx/trunk-hosts.js';
import { createDigestVerifier } from '../sip/digest-verifier.js';
import type { IncomingInvite, SipPort } from '../sip/port.js';
import { callObserver } from '../telemetry/call-observer.js';
import { logOfCall } from '../telemetry/log.js';
import { dispatch, pbxContact } from './dispatch.js';
import { loopDelay } from './loop-delay.js';
import type { Closers, GatewayDeps } from './parts.js';
import { edgeUri, type Trust } from './sip-server.js';

export interface CallParts {
  readonly sip: SipPort;
  readonly media: MediaPort;
  readonly trust: Trust;
  readonly hosts: TrunkHosts;
  readonly identify: Identify;
  readonly addresses: readonly ListenAddress[];
}

export interface BuiltCalls {
  readonly calls: Calls;
  readonly callbacks: CallbackCalls;
  readonly handle: (invite: IncomingInvite) => void;
}

/** The desks for both directions, and whoever hands each INVITE to one of them. */
export function buildCalls(
  config: Config,
  { log, metrics }: GatewayDeps,
  parts: CallParts,
  closers: Closers,
): BuiltCalls {
  const { sip, media, hosts: trunks, addresses } = parts;
  const observer: CallObserver = callObserver(log, metrics);
  const calls = new Calls({
    ...{ config, sip, observer },
    overload: createOverloadGate({ delayMs: loopDelay(closers), limitMs: 15, sampleMs: 100 }),
    logFor: (fields) => logOfCall(log, fields),
    now: () => performance.now(),
  });
  const ledger = createMemoryLedger();
  const common = {
    ...{ config, calls, media, trunks },
    admission: createAdmission({ gateway: config.gateway, ledger, now: Date.now }),
    contactPort: config.whatsapp.listen[0]?.advertised?.port ?? addresses[0]?.port ?? 5061,
    newId: () => randomBytes(8).toString('hex'),
  };
  const users = new UserCalls({
    ...common,
    router: new Router(config),
    challenger: digestChallenger(config.gateway.hostname),
  });
  const gate: PermissionGate = { ask: () => Promise.resolve({ kind: 'unknown' }) }; // nobody to ask: Meta has the last word
  const callLog = log.child({ part: 'calls' });
  const businesses = new BusinessCalls({
    ...common,
    gate,
    credentials: configuredPasswords,
    userOf: (dialled, number, trunk) => toE164(dialled, dialCountry(number, trunk)),
    callerOf: createCallerOf(config.numbers),
    nextHop: config.sip.engine === 'embedded' ? undefined : edgeUri(config),
    pbxContact: (invite) => pbxContact(invite, addresses, config),
    log: callLog,
  });
  const callbacks = new CallbackCalls({ ...common, businesses, gate, sip, log: callLog });
  const { trust, identify } = parts;
  return { calls, callbacks, handle: (invite) => dispatch(invite, { trust, users, businesses, identify, observer }) };
}

/** SIP passwords out of the configuration: there is no other to renew them from. */
const configuredPasswords: Credentials = {
  password: (number) => number.sipPassword?.reveal(),
  renew: () => Promise.resolve(undefined),
};

function digestChallenger(realm: string): Challenger {
  const verifier = createDigestVerifier({ realm, clock: Date.now, secret: randomBytes(32) });
  return {
    check(invite, number) {
      const result = verifier.verify({
        authorization: invite.header('proxy-authorization'),
        method: invite.method,
        requestUri: invite.requestUri,
        username: number.number,
        password: number.sipPassword?.reveal() ?? '',
      });
      return result;
    },
  };
}
