/** A port connected to a fake server, both closed with the test. */
import { EventEmitter, once } from 'node:events';
import type { TestContext } from 'node:test';
import { createSipPort, type DrachtioOptions } from '../../gateway/sip/drachtio.js';
import type { IncomingInvite, IncomingRequest, OutgoingInvite, SipPort } from '../../gateway/sip/port.js';
import { FakeServer, SDP, sipMessage } from './fake-server.js';

export interface Fixture {
  readonly fake: FakeServer;
  readonly sip: SipPort;
  readonly events: EventEmitter;
  readonly logged: string[];
  readonly nextInvite: () => Promise<IncomingInvite>;
  readonly nextOptions: () => Promise<IncomingRequest>;
}

export async function setUp(
  t: TestContext,
  options: Partial<DrachtioOptions> = {},
  version?: string,
): Promise<Fixture> {
  const fake = await FakeServer.start(version);
  const logged: string[] = [];
  const write = (_fields: object, message: string) => void logged.push(message);
  const log = { debug: write, info: write, warn: write, error: write };
  const sip = createSipPort({ host: '127.0.0.1', port: fake.port, secret: 'secret', log, ...options });
  const events = new EventEmitter();
  sip.onInvite((invite) => events.emit('invite', invite));
  sip.onOptions((request) => events.emit('options', request));
  sip.onLink((up) => events.emit(up ? 'up' : 'down'));
  t.after(async () => {
    await sip.close();
    await fake.close();
  });
  await sip.connect();
  return {
    ...{ fake, sip, events, logged },
    nextInvite: async () => ((await once(events, 'invite')) as [IncomingInvite])[0],
    nextOptions: async () => ((await once(events, 'options')) as [IncomingRequest])[0],
  };
}

export const INVITE = sipMessage('INVITE sip:+1214@gw.example.com SIP/2.0', '1 INVITE', {
  headers: ['Content-Type: application/sdp', 'X-WA-Meta-Wacid: wacid.A', 'x-wa-meta-cta-payload: one, two'],
  body: SDP,
});

export const OUTGOING: OutgoingInvite = {
  requestUri: 'sip:100@pbx.example.com',
  nextHop: 'sip:127.0.0.1:5070;transport=udp',
  from: '"A" <sip:+1219@gw.example.com>',
  to: '<sip:100@pbx.example.com>',
  contact: '<sip:gw@127.0.0.1:5060>',
  headers: { 'X-WA-Caller': '+1219' },
  sdp: SDP,
};
