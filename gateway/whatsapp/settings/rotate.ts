import { secret } from '../../config/secret.js';
import type { Secret } from '../../config/types.js';
import type { Json, Store } from '../../store/port.js';
import type { Graph, GraphObject } from '../graph/port.js';
import type { MetaServer } from './calling.js';
import { readSettings } from './current.js';
import type { Current } from './current.js';
import { asInteger, asObject, asText } from './lenient.js';

export interface RotateDeps {
  readonly graph: Graph;
  readonly store: Store;
  readonly phoneNumberId: string;
  /** The app of the token. */
  readonly appId: string | undefined;
  /** Takes the new password into use; what was rotated counts as done once it has resolved. */
  readonly keep: (password: Secret) => Promise<void>;
  readonly progress?: (step: RotateStep) => void;
  readonly delay?: (ms: number) => Promise<void>;
}

export type RotateStep = 'resume' | 'disable' | 'clear' | 'restore' | 'keying' | 'fetch';

/** What was there before, kept in the store until all is back: with it a rotation that broke off is ended by the next one. */
interface Plan {
  readonly stage: 'begun' | 'cleared';
  readonly status: string;
  readonly server: MetaServer;
  readonly webhookDelivery?: string;
  readonly keying: string;
}

/** Why a rotation stopped, and what that means for the number. */
export class RotateError extends Error {
  override readonly name = 'RotateError';
}

const COLLECTION = 'password-rotation';
/** Longer than all requests of a rotation with their time limits and looks. */
const LEASE_MS = 10 * 60_000;
const LOOKS = 4;
const BETWEEN_LOOKS_MS = 1000;

/**
 * A new SIP password for one number: disable, empty the servers, add the server again, keying, fetch. Each step is read back,
 * and the next run goes on where this one broke off. The store's lease sees to it that one gateway does it at a time.
 * Rejects with {@link RotateError}, GraphError or StoreError; until then calls of this number may fail, others are untouched.
 */
export async function rotatePassword(deps: RotateDeps): Promise<void> {
  const lease = await deps.store.lease(`${COLLECTION}:${deps.phoneNumberId}`, LEASE_MS);
  if (lease === undefined) throw new RotateError('the password is being rotated elsewhere: wait for that to end');
  try {
    await rotate(deps);
  } finally {
    await lease.release();
  }
}

async function rotate(deps: RotateDeps): Promise<void> {
  const saved = readPlan((await deps.store.get(COLLECTION, deps.phoneNumberId))?.value);
  if (saved !== undefined) deps.progress?.('resume');
  const before = await read(deps, true);
  const plan =
    saved === undefined ? planOf(before) : { ...saved, server: before.calling.sip?.servers?.[0] ?? saved.server };
  if (saved === undefined) await save(deps, plan);
  if (plan.stage === 'begun') {
    await clear(deps, before);
    await save(deps, { ...plan, stage: 'cleared' });
  }
  await restore(deps, plan);
  await fetchPassword(deps, saved === undefined ? before.sipPassword : undefined);
  await deps.store.delete(COLLECTION, deps.phoneNumberId);
}

function planOf({ calling }: Current): Plan {
  const [server] = calling.sip?.servers ?? [];
  if (server === undefined) {
    throw new RotateError('this app has no SIP server at the number, and so no password: run wa-trunk apply first');
  }
  return {
    stage: 'begun',
    status: calling.sip?.status ?? 'ENABLED',
    server,
    ...(calling.sip?.webhook_delivery === undefined ? {} : { webhookDelivery: calling.sip.webhook_delivery }),
    keying: calling.srtp_key_exchange_protocol ?? 'DTLS',
  };
}

/** Servers can all be taken away only while SIP is disabled; with them Meta forgets the password. */
async function clear(deps: RotateDeps, before: Current): Promise<void> {
  if (hasServer(before) && before.calling.sip?.status !== 'DISABLED') {
    deps.progress?.('disable');
    await write(deps, { sip: { status: 'DISABLED' } });
    await verify(deps, 'SIP is disabled', ({ calling }) => calling.sip?.status !== 'ENABLED');
  }
  if (!hasServer(before)) return;
  deps.progress?.('clear');
  await write(deps, { sip: { status: 'DISABLED', servers: [] } });
  await verify(deps, 'the servers are gone', (current) => !hasServer(current));
}

async function restore(deps: RotateDeps, { status, server, webhookDelivery, keying }: Plan): Promise<void> {
  const delivery = webhookDelivery === undefined ? {} : { webhook_delivery: webhookDelivery };
  const isRestored = (current: Current): boolean =>
    hasServer(current) && (current.calling.sip?.status ?? 'DISABLED') === status;
  if (!isRestored(await read(deps))) {
    deps.progress?.('restore');
    await write(deps, { sip: { status, servers: [server], ...delivery } });
    await verify(deps, 'the server is back', isRestored);
  }
  const hasKeying = ({ calling }: Current): boolean => (calling.srtp_key_exchange_protocol ?? 'DTLS') === keying;
  if (hasKeying(await read(deps))) return;
  deps.progress?.('keying');
  await write(deps, { srtp_key_exchange_protocol: keying });
  await verify(deps, `keying is ${keying}`, hasKeying);
}

async function fetchPassword(deps: RotateDeps, old: string | undefined): Promise<void> {
  deps.progress?.('fetch');
  const isNew = ({ sipPassword }: Current): boolean => sipPassword !== undefined && sipPassword !== old;
  const { sipPassword } = await verify(deps, 'there is a new password', isNew, true);
  if (sipPassword !== undefined) await deps.keep(secret(sipPassword));
}

function hasServer({ calling }: Current): boolean {
  return (calling.sip?.servers ?? []).length > 0;
}

async function read({ graph, phoneNumberId, appId }: RotateDeps, withPassword = false): Promise<Current> {
  const query = withPassword ? { include_sip_credentials: 'true' } : {};
  return readSettings(await graph.get(`${phoneNumberId}/settings`, query), appId);
}

async function write({ graph, phoneNumberId }: RotateDeps, calling: GraphObject): Promise<void> {
  await graph.post(`${phoneNumberId}/settings`, { calling }, { repeatable: true });
}

async function verify(
  deps: RotateDeps,
  what: string,
  holds: (current: Current) => boolean,
  withPassword = false,
): Promise<Current> {
  const delay = deps.delay ?? ((ms) => new Promise((resolve) => setTimeout(resolve, ms)));
  for (let looks = 1; ; looks++) {
    const current = await read(deps, withPassword);
    if (holds(current)) return current;
    if (looks >= LOOKS)
      throw new RotateError(`Meta does not show that ${what}: run the same command again, it goes on here`);
    await delay(BETWEEN_LOOKS_MS);
  }
}

async function save({ store, phoneNumberId }: RotateDeps, plan: Plan): Promise<void> {
  await store.put(COLLECTION, phoneNumberId, plan as unknown as Json);
}

function readPlan(value: Json | undefined): Plan | undefined {
  const raw = asObject(value);
  const server = asObject(raw?.server);
  const hostname = asText(server?.hostname);
  if (raw === undefined || hostname === undefined) return undefined;
  const params = asObject(server?.request_uri_user_params);
  const webhookDelivery = asText(raw.webhookDelivery);
  return {
    stage: raw.stage === 'cleared' ? 'cleared' : 'begun',
    status: asText(raw.status) ?? 'ENABLED',
    server: {
      hostname,
      port: asInteger(server?.port) ?? 5061,
      ...(params === undefined ? {} : { request_uri_user_params: params as Readonly<Record<string, string>> }),
    },
    ...(webhookDelivery === undefined ? {} : { webhookDelivery }),
    keying: asText(raw.keying) ?? 'DTLS',
  };
}
