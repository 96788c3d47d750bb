/** SIP passwords of the numbers: who answers Meta's digest, and who checks Meta's. */
import type { NumberConfig } from '../../config/types.js';
import type { Seal, Store } from '../../store/index.js';
import type { Graph } from '../graph/port.js';
import { KeptPasswords } from './kept.js';
import { NumberPassword } from './number-password.js';

export interface CredentialsDeps {
  readonly numbers: readonly NumberConfig[];
  /** Absent: only passwords from files. */
  readonly graph?: Graph;
  readonly store: Store;
  /** Absent: what is fetched is not kept. */
  readonly seal?: Seal;
  /** Of the SIP server at Meta whose password counts: the gateway's own. */
  readonly hostname: string;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
  /** Epoch ms; default Date.now. */
  readonly clock?: () => number;
  /** 0 to below 1; default Math.random. */
  readonly random?: () => number;
  /** A number has its first password, or another one. */
  readonly changed?: (number: string) => void;
}

export interface NumberCredentials {
  /** undefined: there is none. */
  password(number: NumberConfig): string | undefined;
  /** Any that Meta may use now, the current one first; during a rotation the one before as well. */
  passwords(number: NumberConfig): readonly string[];
  /**
   * Meta refused `used`: a fresh one, undefined when there is none but this. Waits 2 s at most, and asks Meta once for all who
   * come meanwhile, on this gateway and the others of the store.
   */
  renew(number: NumberConfig, used: string): Promise<string | undefined>;
  /** Meta's digest fitted no password: Meta may have another one. Asked at most once a minute. */
  failed(number: NumberConfig): void;
  /** Idempotent. */
  close(): void;
}

/** Ready with what the store has; numbers that it has nothing for are waited for, 2 s at most. Never rejects for Graph or store. */
export async function createCredentials(deps: CredentialsDeps): Promise<NumberCredentials> {
  const shared = {
    graph: deps.graph,
    store: deps.store,
    kept: new KeptPasswords(deps.store, deps.seal),
    hostname: deps.hostname,
    log: deps.log,
    clock: deps.clock ?? Date.now,
    random: deps.random ?? Math.random,
    changed: (number: string) => deps.changed?.(number),
  };
  const all = new Map(deps.numbers.map((number) => [number.number, new NumberPassword(number, shared)]));
  await Promise.all([...all.values()].map((one) => one.start()));
  return {
    password: ({ number }) => all.get(number)?.all[0],
    passwords: ({ number }) => all.get(number)?.all ?? [],
    renew: ({ number }, used) => all.get(number)?.renew(used) ?? Promise.resolve(undefined),
    failed: ({ number }) => all.get(number)?.failed(),
    close: () => {
      for (const one of all.values()) one.close();
    },
  };
}
