import { createFixture, MINIMAL } from '../config/fixture.js';
import type { Fixture } from '../config/fixture.js';
import { ACCOUNT, NUMBER, standIn, TOKEN } from '../whatsapp/settings/stand-in.js';
import type { StandIn, StandInOptions } from '../whatsapp/settings/stand-in.js';

export interface Bench {
  readonly meta: StandIn;
  readonly fixture: Fixture;
  /** A configuration whose number has these call settings (YAML, one line); undefined: none. */
  readonly write: (calling: string | undefined, more?: string) => string;
  close(): Promise<void>;
}

export const CALLING = '{ status: enabled, sip: { requestUriUserParams: { tgrp: wacall } } }';

export async function bench(options?: StandInOptions): Promise<Bench> {
  const meta = await standIn(options);
  const fixture = createFixture();
  fixture.write('secrets/token', `${TOKEN}\n`);
  const write = (calling: string | undefined, more = ''): string => {
    const keys = [
      "phoneNumberId: '" + NUMBER + "'",
      'keying: sdes',
      ...(calling === undefined ? [] : [`calling: ${calling}`]),
    ];
    const yaml = MINIMAL.replace("'+15551234567'", "'+442071838750'")
      .replace(/ +sipPasswordFile: .*\n/, '')
      .replace('    trunk: office\n', ['', 'trunk: office', ...keys, ''].join('\n    ').slice(1).trimEnd() + '\n');
    const graph = `graph: { url: '${meta.sim.url}', tokenFile: secrets/token, businessAccountId: '${ACCOUNT}', timeout: 5s }\n`;
    return fixture.write('wa-trunk.yaml', `${yaml}${graph}${more}`);
  };
  return {
    meta,
    fixture,
    write,
    close: async () => {
      fixture.close();
      await meta.close();
    },
  };
}
