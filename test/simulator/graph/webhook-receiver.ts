import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Target } from '../../../simulator/graph/index.js';

export const VERIFY_TOKEN = 'hub-verify-token';

export interface Received {
  readonly headers: IncomingMessage['headers'];
  readonly raw: Buffer;
  readonly body: unknown;
}

/** Takes webhooks as Meta's documentation says they are to be taken; written apart from the stand-in's signing. */
export class Receiver {
  /** Those with a good signature and good JSON. */
  readonly taken: Received[] = [];
  readonly connections = new Set<unknown>();
  /** Answers to the next webhooks, whatever they are; then as it should be. */
  readonly answers: number[] = [];
  readonly #server = createServer((request, response) => void this.#handle(request, response));

  private constructor(private readonly secret: string) {
    this.#server.on('connection', (socket) => this.connections.add(socket));
  }

  static async start(secret: string): Promise<Receiver> {
    const receiver = new Receiver(secret);
    await new Promise<void>((resolve) => receiver.#server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  get target(): Target {
    const { port } = this.#server.address() as AddressInfo;
    return { url: `http://127.0.0.1:${port}/webhooks?of=tests`, verifyToken: VERIFY_TOKEN };
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const { status, text = '' } = this.#answer(request, Buffer.concat(chunks));
    response.writeHead(status).end(text);
  }

  #answer(request: IncomingMessage, raw: Buffer): { readonly status: number; readonly text?: string } {
    if (request.method === 'GET') return handshake(new URL(request.url ?? '', 'http://x').searchParams);
    const scripted = this.answers.shift();
    if (scripted !== undefined) return { status: scripted };
    const expected = `sha256=${createHmac('sha256', this.secret).update(raw).digest('hex')}`;
    if (request.headers['x-hub-signature-256'] !== expected) return { status: 401 };
    try {
      this.taken.push({ headers: request.headers, raw, body: JSON.parse(raw.toString()) });
      return { status: 200 };
    } catch {
      return { status: 400 };
    }
  }
}

function handshake(query: URLSearchParams): { readonly status: number; readonly text?: string } {
  if (query.get('of') !== 'tests' || query.get('hub.mode') !== 'subscribe') return { status: 400 };
  if (query.get('hub.verify_token') !== VERIFY_TOKEN) return { status: 403 };
  return { status: 200, text: query.get('hub.challenge') ?? '' };
}
