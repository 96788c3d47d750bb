/** What becomes of Meta's webhooks. */
import type { Config, NumberConfig } from '../config/types.js';
import { startWebhooks, type WebhookServer } from '../http/webhooks.js';
import type { CallRow } from '../store/index.js';
import type { CallTerminated, PermissionReply } from '../whatsapp/webhooks/events.js';
import { Correlator, type OwnCall } from '../whatsapp/webhooks/correlate.js';
import type { WebhookHandlers } from '../whatsapp/webhooks/handlers.js';
import { Inbox } from '../whatsapp/webhooks/inbox.js';
import type { ControlPlane } from './control-plane.js';
import type { Closers, GatewayDeps } from './parts.js';

export interface WebhookParts {
  readonly control: ControlPlane;
  /** A user allows calls; `automatic`: by calling, without an answer. */
  readonly allowed: (number: NumberConfig, event: PermissionReply) => Promise<void>;
}

export async function startWebhooksIfWanted(
  config: Config,
  { log, metrics }: GatewayDeps,
  parts: WebhookParts,
  closers: Closers,
): Promise<WebhookServer | undefined> {
  const { webhooks, whatsapp } = config;
  if (webhooks === undefined) return undefined;
  const own = log.child({ part: 'webhooks' });
  const correlator = new Correlator({
    ownCall: (wacid, event) => ownCall(parts.control, wacid, event),
    disagree: ({ kind, meta, own: seen, ownDurationMs }) =>
      own.warn(
        {
          kind,
          wacid: meta.wacid,
          number: meta.number,
          meta: { status: meta.status, durationMs: meta.durationMs, errors: meta.errors },
          own: seen,
          ownDurationMs,
        },
        'Meta and the gateway disagree about a call',
      ),
    observe: {
      agreed: () => metrics.control.callCompared('agreed'),
      disagreed: (kind) => metrics.control.callCompared(kind),
      skipped: () => metrics.control.callCompared('skipped'),
    },
    log: own,
  });
  closers.push(() => correlator.close());
  const inbox = new Inbox({
    store: parts.control.store,
    handlers: handlersOf(config, parts, correlator, own),
    observe: metrics.control.webhookInbox,
    log: own,
    now: Date.now,
  });
  closers.push(() => inbox.close());
  await inbox.start();
  const server = await startWebhooks({
    ...{ config: webhooks, receiver: inbox, observe: metrics.control.webhookRequests, log: own },
    certificate: { certificate: whatsapp.certificate, privateKey: whatsapp.privateKey },
  });
  closers.push(() => server.close());
  return server;
}

function handlersOf(
  config: Config,
  { control, allowed }: WebhookParts,
  correlator: Correlator,
  log: GatewayDeps['log'],
): WebhookHandlers {
  const numberOf = (event: { readonly numberId: string; readonly number?: string }): NumberConfig | undefined =>
    config.numbers.find(({ phoneNumberId, number }) => phoneNumberId === event.numberId || number === event.number);
  const said = (event: object & { readonly raw: unknown }): object => ({ ...event, raw: undefined });
  return {
    async permissionReply(event) {
      const number = numberOf(event);
      if (number === undefined) return log.warn(said(event), 'a permission reply for a number that is not configured');
      const { user, permanent, expiresAtMs, atMs } = event;
      const reply = { number: number.number, user, permanent, atMs, accepted: event.response === 'accept' };
      const isNew = await control.permissions.reply({
        ...reply,
        ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
      });
      if (isNew && reply.accepted) await allowed(number, event);
    },
    callCreated: () => Promise.resolve(),
    callTerminated: (event) => Promise.resolve(correlator.terminated(event)),
    voicemail: (event) => Promise.resolve(log.info(said(event), 'a user left a voicemail; its audio is at Meta')),
    settingsChanged: (event) => Promise.resolve(log.info(said(event), 'Meta tells of changed settings')),
    accountChanged: (event) => Promise.resolve(log.warn(said(event), 'Meta tells of a change of the account')),
  };
}

/** By Meta's id; a call of the business, whose id Meta may not have told, by number, user and time. */
async function ownCall(
  { store }: ControlPlane,
  wacid: string,
  { number, user, atMs, startedAtMs }: CallTerminated,
): Promise<OwnCall | undefined> {
  const [known] = await store.records.query({ wacid, limit: 1 });
  if (known !== undefined) return seen(known);
  if (number === undefined || user === undefined) return undefined;
  const around = startedAtMs ?? atMs;
  const span = { fromMs: around - CALL_SPAN_MS, toMs: atMs + CALL_SPAN_MS };
  const rows = await store.records.query({ number, user, ...span, direction: 'business-initiated' });
  const candidates = rows.filter((row) => row.wacid === undefined);
  return candidates.length === 1 && candidates[0] !== undefined ? seen(candidates[0]) : undefined;
}

/** How long a user rings, and clocks that differ. */
const CALL_SPAN_MS = 120_000;

function seen({ answered, startedAtMs, endedAtMs, outcome, details }: CallRow): OwnCall {
  const answeredMs = (details as { readonly answeredMs?: unknown } | null)?.answeredMs;
  return {
    answered,
    ...(typeof answeredMs === 'number' ? { answeredAtMs: startedAtMs + answeredMs } : {}),
    ...(endedAtMs === undefined ? {} : { endedAtMs }),
    ...(outcome === undefined ? {} : { outcome }),
  };
}
