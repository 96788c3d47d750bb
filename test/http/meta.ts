/** Meta as a sender of webhooks: signed bodies over kept connections. */
import { createHmac } from 'node:crypto';
import { Agent, request as httpRequest } from 'node:http';
import { Agent as TlsAgent, request as httpsRequest } from 'node:https';

export const APP_SECRET = 'an-app-secret';
export const VERIFY_TOKEN = 'a-verify-token';
export const PATH = '/webhooks/whatsapp';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  readonly ms: number;
}

export interface Sending {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export function signature(body: string | Buffer, secret = APP_SECRET): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
}

export class Meta {
  readonly #base: URL;
  readonly #agent: Agent;
  readonly #ca: string | undefined;

  constructor(base: string, { ca, sockets = 16 }: { ca?: string; sockets?: number } = {}) {
    this.#base = new URL(base);
    this.#ca = ca;
    const options = { keepAlive: true, maxSockets: sockets };
    this.#agent = this.#base.protocol === 'https:' ? new TlsAgent(options) : new Agent(options);
  }

  /** A true one, unless `headers` say otherwise. */
  post(body: string | Buffer | object, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const bytes = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
    return this.send({ method: 'POST', body: bytes, headers: { 'x-hub-signature-256': signature(bytes), ...headers } });
  }

  send({ method = 'GET', path = PATH, headers = {}, body }: Sending): Promise<Answer> {
    const from = performance.now();
    return new Promise((resolve, reject) => {
      const ask = this.#base.protocol === 'https:' ? httpsRequest : httpRequest;
      const request = ask(
        new URL(path, this.#base),
        {
          ...{
            method,
            agent: this.#agent,
            ...(this.#ca === undefined ? {} : { ca: this.#ca, servername: 'localhost' }),
          },
          headers: { 'content-type': 'application/json', ...headers },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const { statusCode = 0, headers } = response;
            resolve({
              status: statusCode,
              headers,
              text: Buffer.concat(chunks).toString(),
              ms: performance.now() - from,
            });
          });
        },
      );
      request.on('error', reject);
      request.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** A body with these changes. */
export function payload(...changes: readonly { field: string; value: object }[]): object {
  return { object: 'whatsapp_business_account', entry: [{ id: '366634483210360', changes }] };
}
