/** The routes below /api/v1. */
import type { ApiPorts, PlaceResult, RequestResult } from './api-ports.js';
import { HttpError, type Reply } from './reply.js';
import type { Route, RouteCall } from './router.js';

export function apiRoutes({ numbers, permissions, callbacks }: ApiPorts): readonly Route[] {
  return [
    get('/api/v1/numbers', async () => ({ numbers: await numbers.list() })),
    get('/api/v1/permissions/{number}/{user}', async ({ params }) => {
      const { number, user } = pairOf(params);
      return { number, user, ...((await permissions.get(number, user)) ?? fail(noSuchNumber(number))) };
    }),
    {
      method: 'POST',
      path: '/api/v1/permissions',
      answer: async ({ body }) => {
        const { number, user } = pairOf(objectOf(body));
        return requested(number, await permissions.request(number, user));
      },
    },
    get('/api/v1/callbacks', async () => ({ callbacks: await callbacks.list() })),
    {
      method: 'POST',
      path: '/api/v1/callbacks',
      answer: async ({ body }) => {
        const { number, user } = pairOf(objectOf(body));
        const { added, callback } = (await callbacks.add(number, user)) ?? fail(noSuchNumber(number));
        return { status: added ? 201 : 200, json: callback };
      },
    },
    {
      method: 'POST',
      path: '/api/v1/callbacks/{id}/place',
      answer: async ({ params: { id = '' } }) => placed(id, await callbacks.place(id)),
    },
    {
      method: 'DELETE',
      path: '/api/v1/callbacks/{id}',
      answer: async ({ params: { id = '' } }) => {
        if (!(await callbacks.remove(id))) throw noSuchCallback(id);
        return { status: 204 };
      },
    },
  ];
}

function get(path: string, read: (call: RouteCall) => Promise<object>): Route {
  return { method: 'GET', path, answer: async (call) => ({ status: 200, json: await read(call) }) };
}

function requested(number: string, result: RequestResult): Reply {
  switch (result.kind) {
    case 'sent':
      return { status: 202, json: result.messageId === undefined ? {} : { messageId: result.messageId } };
    case 'limited': {
      const { reason, nextAtMs } = result;
      throw new HttpError(409, 'request-limited', reason, nextAtMs === undefined ? {} : { details: { nextAtMs } });
    }
    case 'granted':
      throw new HttpError(409, 'permission-granted', 'the user has given permission already');
    case 'no-such-number':
      throw noSuchNumber(number);
  }
}

function placed(id: string, result: PlaceResult): Reply {
  switch (result.kind) {
    case 'placed':
      return { status: 202, json: {} };
    case 'refused':
      throw new HttpError(409, result.code, result.reason);
    case 'no-such-callback':
      throw noSuchCallback(id);
  }
}

const E164 = /^\+[1-9]\d{4,14}$/;
/** A country and Meta's id of the user. */
const BSUID = /^[A-Z]{2}\.[A-Za-z0-9._-]{1,128}$/;

function pairOf({ number, user }: Readonly<Record<string, unknown>>): { number: string; user: string } {
  if (typeof number !== 'string' || !E164.test(number))
    throw new HttpError(400, 'bad-number', 'number: a business number with "+" and country code is needed');
  if (typeof user !== 'string' || !(E164.test(user) || BSUID.test(user)))
    throw new HttpError(400, 'bad-user', 'user: a phone number with "+" and country code is needed, or a BSUID');
  return { number, user };
}

function objectOf(body: unknown): Readonly<Record<string, unknown>> {
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Record<string, unknown>;
  throw new HttpError(400, 'bad-body', 'the body must be a JSON object');
}

function noSuchNumber(number: string): HttpError {
  return new HttpError(404, 'no-such-number', `${number} is not a configured number`);
}

function noSuchCallback(id: string): HttpError {
  return new HttpError(404, 'no-such-callback', `there is no callback ${id.slice(0, 100)}`);
}

function fail(error: HttpError): never {
  throw error;
}
