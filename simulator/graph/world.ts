import type { AccessToken, GraphSimOptions, Limits, Switches, Template } from './options.js';
import type { BusinessNumber } from './numbers/business-number.js';
import type { PermissionBook } from './permissions/book.js';
import type { SentMessage } from './messages/sent.js';
import type { KeptCall } from './users.js';

/** Everything Meta knows. The endpoints read and change it; nothing else does. */
export interface World {
  readonly options: GraphSimOptions;
  readonly version: string;
  readonly limits: Limits;
  readonly switches: Switches;
  readonly templates: readonly Template[];
  /** By phone number id. */
  readonly numbers: ReadonlyMap<string, BusinessNumber>;
  /** By their value. */
  readonly tokens: Map<string, AccessToken>;
  readonly permissions: PermissionBook;
  readonly messages: SentMessage[];
  readonly calls: KeptCall[];
  readonly clock: () => number;
  readonly random: (bytes: number) => Buffer;
  readonly settingsChanged: (number: BusinessNumber) => void;
}

/** A request that has passed the gate: version, token and scope are right, and what it names exists. */
export interface ApiRequest {
  readonly method: 'GET' | 'POST';
  readonly query: URLSearchParams;
  readonly body: unknown;
  readonly token: AccessToken;
  /** Of this request, without its query. */
  readonly url: string;
}

export type Json = Readonly<Record<string, unknown>>;
