import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { checkCertificate, parseChain } from './certificates.js';
import type { Environment } from './environment.js';
import {
  API_TOKEN_VARIABLE,
  DRACHTIO_SECRET_VARIABLE,
  GRAPH_TOKEN_VARIABLE,
  pbxPasswordVariable,
  REDIS_PASSWORD_VARIABLE,
  sipPasswordVariable,
  STORE_KEY_VARIABLE,
  VERIFY_TOKEN_VARIABLE,
} from './environment.js';
import { describe } from './faults.js';
import type { Path } from './faults.js';
import type { Report } from './report.js';
import { secret } from './secret.js';
import type { Settings } from './schema.js';
import { reasonOf } from './source.js';
import type { Draft } from './structure.js';
import type { Secret } from './types.js';

/** Reads and judges the files that the settings name; relative paths start at the YAML file. */
export class SettingsFiles {
  readonly #folder: string;
  readonly #environment: Environment;
  readonly #report: Report;

  constructor(yamlFile: string, environment: Environment, report: Report) {
    this.#folder = dirname(resolve(yamlFile));
    this.#environment = environment;
    this.#report = report;
  }

  absolute(path: string): string {
    return resolve(this.#folder, path);
  }

  checkCertificates(draft: Draft<Settings>, now: Date): void {
    const { certificate, privateKey, ca } = draft.whatsapp ?? {};
    const chain = this.#read(certificate, ['whatsapp', 'certificate'], 'a readable PEM file with the full chain');
    const key = this.#read(privateKey, ['whatsapp', 'privateKey'], 'a readable PEM file with the private key');
    const roots = this.#read(ca, ['whatsapp', 'ca'], 'a readable PEM file with root certificates');
    if (key !== undefined) this.#warnIfPublic(privateKey, ['whatsapp', 'privateKey']);
    if (roots !== undefined) {
      const parsed = parseChain(roots);
      if (!Array.isArray(parsed)) this.#report.fault(['whatsapp', 'ca'], parsed.found, 'PEM root certificates');
    }
    if (chain === undefined) return;
    const hostname = draft.gateway?.hostname;
    for (const finding of checkCertificate({ chain, privateKey: key, ca: roots, hostname, now })) {
      const path = ['whatsapp', finding.about];
      if (finding.severity === 'fault') this.#report.fault(path, finding.found, finding.allowed);
      else this.#report.warn(path, finding.found, finding.allowed);
    }
  }

  /** The password of numbers[index], from the environment or its file. A missing one is a fault where `needed`. */
  sipPassword(index: number, number: Draft<Settings['numbers'][number]>, needed: boolean): Secret | undefined {
    const variable = number.number === undefined ? undefined : sipPasswordVariable(number.number);
    return this.#secret(number.sipPasswordFile, ['numbers', index, 'sipPasswordFile'], variable, needed && variable);
  }

  /** The password of trunks[index].auth, from the environment or its file. */
  pbxPassword(index: number, trunk: Draft<Settings['trunks'][number]>): Secret | undefined {
    if (trunk.auth === undefined) return undefined;
    const variable = trunk.name === undefined ? undefined : pbxPasswordVariable(trunk.name);
    return this.#secret(trunk.auth.passwordFile, ['trunks', index, 'auth', 'passwordFile'], variable, variable);
  }

  drachtioSecret(draft: Draft<Settings>): Secret | undefined {
    const path = ['sip', 'drachtio', 'secretFile'];
    const needed = draft.sip?.engine === 'drachtio' && DRACHTIO_SECRET_VARIABLE;
    return this.#secret(draft.sip?.drachtio?.secretFile, path, DRACHTIO_SECRET_VARIABLE, needed);
  }

  /**
   * Whether there is a token for the Graph API; `secret` only when it comes from the environment. The file is read again while
   * the program runs, and must be good now.
   */
  graphToken(draft: Draft<Settings>): { readonly given: boolean; readonly secret: Secret | undefined } {
    const fromEnvironment = this.#secret(undefined, [], GRAPH_TOKEN_VARIABLE, false);
    if (fromEnvironment !== undefined) return { given: true, secret: fromEnvironment };
    const file = draft.graph?.tokenFile;
    if (file !== undefined) this.#secretFromFile(file, ['graph', 'tokenFile']);
    return { given: file !== undefined, secret: undefined };
  }

  storeKey(draft: Draft<Settings>): Secret | undefined {
    const path = ['store', 'keyFile'];
    const key = this.#secret(draft.store?.keyFile, path, STORE_KEY_VARIABLE, false);
    if (key !== undefined && key.reveal().length < 16)
      this.#report.fault(path, 'a short key', 'at least 16 characters');
    return key;
  }

  redisPassword(draft: Draft<Settings>): Secret | undefined {
    const path = ['store', 'redis', 'passwordFile'];
    return this.#secret(draft.store?.redis?.passwordFile, path, REDIS_PASSWORD_VARIABLE, false);
  }

  verifyToken(draft: Draft<Settings>): Secret | undefined {
    if (draft.webhooks === undefined) return undefined;
    const path = ['webhooks', 'verifyTokenFile'];
    return this.#secret(draft.webhooks.verifyTokenFile, path, VERIFY_TOKEN_VARIABLE, VERIFY_TOKEN_VARIABLE);
  }

  appSecrets(draft: Draft<Settings>): readonly Secret[] {
    const secrets = (draft.webhooks?.appSecretFiles ?? []).map((file, i) =>
      file === undefined ? undefined : this.#secretFromFile(file, ['webhooks', 'appSecretFiles', i]),
    );
    return secrets.filter((each) => each !== undefined);
  }

  apiToken(draft: Draft<Settings>): Secret | undefined {
    return this.#secret(draft.http?.tokenFile, ['http', 'tokenFile'], API_TOKEN_VARIABLE, false);
  }

  checkGraphCa(draft: Draft<Settings>): void {
    const roots = this.#read(draft.graph?.ca, ['graph', 'ca'], 'a readable PEM file with root certificates');
    const parsed = roots === undefined ? [] : parseChain(roots);
    if (!Array.isArray(parsed)) this.#report.fault(['graph', 'ca'], parsed.found, 'PEM root certificates');
  }

  checkStoreFile(draft: Draft<Settings>): void {
    this.#checkFolder(draft.store?.file, ['store', 'file']);
  }

  checkSipTrace(draft: Draft<Settings>): void {
    this.#checkFolder(draft.logging?.sipTrace, ['logging', 'sipTrace']);
  }

  #checkFolder(file: string | undefined, path: Path): void {
    if (file === undefined) return;
    try {
      accessSync(dirname(this.absolute(file)), constants.W_OK);
    } catch (error) {
      this.#report.fault(path, `${describe(file)} (${reasonOf(error)})`, 'a file in a writable folder');
    }
  }

  /** `needed`: the variable to name when there is no secret at all, or false. */
  #secret(
    file: string | undefined,
    path: Path,
    variable: string | undefined,
    needed: string | false | undefined,
  ): Secret | undefined {
    const fromEnvironment = variable === undefined ? undefined : this.#environment[variable];
    if (fromEnvironment !== undefined && fromEnvironment !== '') return secret(fromEnvironment);
    if (file !== undefined) return this.#secretFromFile(file, path);
    if (typeof needed !== 'string') return undefined;
    return this.#report.fault(path, 'nothing', `a file that holds the secret, or the environment variable ${needed}`);
  }

  #secretFromFile(file: string, path: Path): Secret | undefined {
    const allowed = 'a readable file that holds the secret alone, on one line';
    const content = this.#read(file, path, allowed, true)?.replace(/\r?\n$/, '');
    if (content === undefined) return undefined;
    if (content === '' || /\p{Cc}/u.test(content)) {
      const found = content === '' ? 'an empty file' : 'several lines or control characters in the file';
      return this.#report.fault(path, found, allowed);
    }
    this.#warnIfPublic(file, path);
    return secret(content);
  }

  #read(file: string | undefined, path: Path, allowed: string, confidential = false): string | undefined {
    if (file === undefined) return undefined;
    try {
      return readFileSync(this.absolute(file), 'utf8');
    } catch (error) {
      // What does not look like a path may be the secret itself, put into the wrong key.
      const shown = !confidential || /[/.\\]/.test(file) ? describe(file) : 'a value';
      return this.#report.fault(path, `${shown} (${reasonOf(error)})`, allowed);
    }
  }

  #warnIfPublic(file: string | undefined, path: Path): void {
    if (file === undefined || (statSync(this.absolute(file)).mode & 0o004) === 0) return;
    this.#report.warn(
      path,
      `${describe(file)}, which every user of this machine can read`,
      'a file of mode 0600 or 0640',
    );
  }
}
