/** Request bodies, never more of them than wanted. */
import type { IncomingMessage } from 'node:http';
import { HttpError } from './reply.js';

export interface BodyLimits {
  readonly maxBytes: number;
  /** Of every piece as it comes; may throw to stop reading. */
  readonly onChunk?: (chunk: Buffer) => void;
  /** False: the pieces are not kept, and the result is empty. */
  readonly keep?: boolean;
}

/** @throws HttpError 413, reading no further; 400 when the client goes away */
export async function readBody(request: IncomingMessage, limits: BodyLimits): Promise<Buffer> {
  const { maxBytes, onChunk, keep = true } = limits;
  const tooLarge = new HttpError(413, 'too-large', `a body has at most ${maxBytes} bytes`, {
    headers: { connection: 'close' },
  });
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge;
  const chunks: Buffer[] = [];
  let bytes = 0;
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      request.pause();
      reject(error);
    };
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > maxBytes) return fail(tooLarge);
      try {
        onChunk?.(chunk);
      } catch (error) {
        return fail(error as Error);
      }
      if (keep) chunks.push(chunk);
    });
    request.on('end', () => resolve(Buffer.concat(chunks)));
    const gone = (): void => fail(new HttpError(400, 'incomplete', 'the request ended before its body'));
    request.on('error', gone);
    request.on('close', gone);
  });
}

/** A JSON object, or undefined for an empty body. @throws HttpError 400, 413, 415 */
export async function readJson(request: IncomingMessage, maxBytes: number): Promise<unknown> {
  const type = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  // A page of another site can make a browser send forms and text, but not this.
  if (type !== 'application/json')
    throw new HttpError(415, 'unsupported-media-type', 'send Content-Type: application/json');
  const body = await readBody(request, { maxBytes });
  if (body.length === 0) return undefined;
  try {
    return JSON.parse(body.toString('utf8')) as unknown;
  } catch {
    throw new HttpError(400, 'bad-json', 'the body is not JSON');
  }
}
