/** Meta's errors. The codes are Meta's, the texts are ours except where Meta's are known. */

/** `error` in Meta's answer. */
export interface ErrorBody {
  readonly message: string;
  readonly type: 'OAuthException';
  readonly code: number;
  readonly error_subcode?: number;
  readonly error_data?: { readonly messaging_product: 'whatsapp'; readonly details: string };
  readonly fbtrace_id: string;
}

export interface RefusalOptions {
  /** HTTP status. Default 400. */
  readonly status?: number;
  readonly subcode?: number;
  readonly details?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Thrown by an endpoint: the request is answered with an error. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    readonly code: number,
    message: string,
    private readonly options: RefusalOptions = {},
  ) {
    super(message);
    this.status = options.status ?? 400;
    this.headers = options.headers ?? {};
  }

  body(traceId: string): { readonly error: ErrorBody } {
    const { subcode, details } = this.options;
    return {
      error: {
        message: `(#${this.code}) ${this.message}`,
        type: 'OAuthException',
        code: this.code,
        ...(subcode === undefined ? {} : { error_subcode: subcode }),
        ...(details === undefined ? {} : { error_data: { messaging_product: 'whatsapp', details } }),
        fbtrace_id: traceId,
      },
    };
  }
}

export const invalidParameter = (details: string): Refusal => new Refusal(100, 'Invalid parameter', { details });

export const invalidValue = (details: string): Refusal =>
  new Refusal(131009, 'Parameter value is not valid', { details });

export const unknownObject = (method: string, id: string): Refusal =>
  new Refusal(
    100,
    `Unsupported ${method.toLowerCase()} request. Object with ID '${id}' does not exist, cannot be loaded due to missing ` +
      'permissions, or does not support this operation',
    { subcode: 33 },
  );

export const unknownVersion = (seen: string, served: string): Refusal =>
  new Refusal(2635, `You are calling version ${seen} of the API, which is not available. Use ${served}.`);

/** 467: no token or one that nobody knows; 463: expired. */
export const badToken = (reason: string, subcode: 463 | 467): Refusal =>
  new Refusal(190, `Error validating access token: ${reason}`, { status: 401, subcode });

export const missingScope = (code: 10 | 200, scope: string): Refusal =>
  new Refusal(code, `Application does not have permission for this action: ${scope}`, { status: 403 });

export interface RateLimit {
  /** Meta's code: 4 app, 613 calls, 80007 business account, 130429 messages. Default 80007. */
  readonly code?: number;
  /** HTTP status. Default 429. */
  readonly status?: number;
  /** Default 1. */
  readonly retryAfterS?: number;
}

export function rateLimited(
  businessAccountId: string,
  { code = 80007, status = 429, retryAfterS = 1 }: RateLimit = {},
) {
  const usage = {
    [businessAccountId]: [
      {
        type: 'whatsapp',
        call_count: 100,
        total_cputime: 25,
        total_time: 25,
        estimated_time_to_regain_access: Math.ceil(retryAfterS / 60), // minutes
      },
    ],
  };
  return new Refusal(code, 'Rate limit hit', {
    status,
    details: 'Too many requests. Ask again later.',
    headers: { 'Retry-After': String(retryAfterS), 'X-Business-Use-Case-Usage': JSON.stringify(usage) },
  });
}
