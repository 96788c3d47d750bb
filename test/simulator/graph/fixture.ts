import assert from 'node:assert/strict';
import { startGraph, type GraphSim, type GraphSimOptions } from '../../../simulator/graph/index.js';

export const ACCOUNT = '102290129340398';
export const APP = '670843887433847';
export const OTHER_APP = '581920374650192';
export const SECRET = 'app-secret-of-the-tests';
export const TOKEN = 'EAAJB-token-of-the-tests';
export const OTHER_TOKEN = 'EAAJB-token-of-another-app';
export const NUMBER = '106540352242922';
export const USER = '4915112345678';
export const HOSTNAME = 'sip.example.com';
export const START = Date.parse('2026-11-02T10:00:00Z');
const SCOPES = ['whatsapp_business_management', 'whatsapp_business_messaging'];

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
}

export class Clock {
  nowMs = START;
  readonly read = (): number => this.nowMs;

  pass(ms: number): void {
    this.nowMs += ms;
  }
}

export interface Fixture {
  readonly sim: GraphSim;
  readonly clock: Clock;
  readonly get: (path: string, token?: string) => Promise<Answer>;
  readonly post: (path: string, body: unknown, token?: string) => Promise<Answer>;
}

/** A stand-in with one number, two apps, and a clock that stands still. */
export async function withGraph(
  body: (fixture: Fixture) => Promise<void> | void,
  options: Partial<GraphSimOptions> = {},
): Promise<void> {
  const clock = new Clock();
  const sim = await startGraph({
    mode: 'production',
    businessAccountId: ACCOUNT,
    appId: APP,
    appSecret: SECRET,
    tokens: [
      { token: TOKEN, appId: APP, scopes: SCOPES },
      { token: OTHER_TOKEN, appId: OTHER_APP, scopes: SCOPES },
    ],
    numbers: [{ phoneNumberId: NUMBER, number: '+442071838750', verifiedName: 'Example Ltd' }],
    clock: clock.read,
    ...options,
  });
  try {
    await body({
      sim,
      clock,
      get: (path, token = TOKEN) => ask(sim, path, token),
      post: (path, content, token = TOKEN) =>
        ask(sim, path, token, {
          method: 'POST',
          headers: { 'Content-Type': 'application/json' },
          body: typeof content === 'string' ? content : JSON.stringify(content),
        }),
    });
  } finally {
    await sim.close();
  }
}

async function ask(sim: GraphSim, path: string, token: string, init: RequestInit = {}): Promise<Answer> {
  const headers = new Headers(init.headers);
  if (token !== '') headers.set('Authorization', `Bearer ${token}`);
  const response = await fetch(`${sim.url}/v25.0/${path}`, {
    ...init,
    headers,
    signal: AbortSignal.timeout(30_000),
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Answer['body'] };
}

/** Meta's shape of an error, and the code in it. */
export function assertRefused(answer: Answer, status: number, code: number, details?: RegExp): void {
  const error = answer.body.error as {
    readonly code: number;
    readonly type: string;
    readonly message: string;
    readonly fbtrace_id: string;
    readonly error_data?: { readonly messaging_product: string; readonly details: string };
  };
  assert.ok(error, `no error in ${JSON.stringify(answer.body)}`);
  assert.deepEqual([answer.status, error.code, error.type], [status, code, 'OAuthException'], error.message);
  assert.match(error.message, new RegExp(`^\\(#${code}\\) `));
  assert.match(error.fbtrace_id, /^A[\w-]{20,}$/);
  if (!details) return;
  assert.equal(error.error_data?.messaging_product, 'whatsapp');
  assert.match(error.error_data?.details ?? '', details);
}

export const withServer = { status: 'ENABLED', servers: [{ hostname: HOSTNAME, port: 5061 }] };

/** `calling` of a GET. */
export async function calling(fixture: Fixture, query = '', token = TOKEN): Promise<Record<string, unknown>> {
  const { status, body } = await fixture.get(`${NUMBER}/settings${query}`, token);
  assert.equal(status, 200);
  return body.calling as Record<string, unknown>;
}

export async function setCalling(fixture: Fixture, settings: unknown, token = TOKEN): Promise<void> {
  const answer = await fixture.post(`${NUMBER}/settings`, { calling: settings }, token);
  assert.deepEqual([answer.status, answer.body], [200, { success: true }], JSON.stringify(answer.body));
}
