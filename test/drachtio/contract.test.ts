import { after, before, describe, test } from 'node:test';
import { callsIn } from '../engine/contract/calls-in.js';
import { callsOut } from '../engine/contract/calls-out.js';
import { inDialog } from '../engine/contract/in-dialog.js';
import { link } from '../engine/contract/link.js';
import { lacking, realServer, type RealServer } from './real-server.js';

const missing = lacking(process.env);

if (missing !== undefined) {
  test('a real drachtio-server is provided', () => {
    throw new Error(missing);
  });
} else {
  describe("drachtio's app protocol at a real drachtio-server", () => {
    let server: RealServer;

    before(async () => {
      server = await realServer(process.env);
    });
    after(() => server.close());

    for (const { name, run } of [...link, ...callsIn, ...callsOut, ...inDialog]) test(name, () => run(server.far));
  });
}
