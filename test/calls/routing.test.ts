import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Router } from '../../gateway/calls/routing.js';
import type { NumberConfig, RouteConfig, TrunkConfig } from '../../gateway/config/types.js';

const trunk = (name: string): TrunkConfig => ({
  name,
  hosts: [{ host: '127.0.0.1', port: 5060, transport: 'udp' }],
  networks: ['127.0.0.1/32'],
  codecs: ['PCMA'],
  connectTimeoutMs: 2000,
  answerTimeoutMs: 60_000,
  callerAlias: 'whatsapp',
});
const number: NumberConfig = { number: '+12145551869', keying: 'dtls', codecs: ['opus'], trunk: 'main' };
const facts = { number: number.number, payload: undefined, country: undefined, userParams: new Map<string, string>() };

function router(...routes: RouteConfig[]): Router {
  return new Router({ numbers: [number], trunks: [trunk('main'), trunk('sales')], routes });
}

test('a number is found with and without its plus', () => {
  assert.equal(router().number('12145551869'), number);
  assert.equal(router().number('+12145551869'), number);
  assert.equal(router().number('+1'), undefined);
});

test('without a route the number goes to its own trunk as extension', () => {
  const destination = router().destination(number, facts);
  assert.equal(destination?.trunk.name, 'main');
  assert.equal(destination.extension, '+12145551869');
});

test('the first route that matches wins; all its conditions have to hold', () => {
  const routes = router(
    { match: { payload: 'sales', country: 'il' }, trunk: 'sales', extension: '10' },
    { match: { userParams: { tgrp: 'wacall' } }, extension: '20' },
    { match: {}, extension: '30' },
  );
  assert.equal(routes.destination(number, { ...facts, payload: 'sales', country: 'IL' })?.trunk.name, 'sales');
  assert.equal(routes.destination(number, { ...facts, payload: 'sales' })?.extension, '30');
  assert.equal(routes.destination(number, { ...facts, userParams: new Map([['tgrp', 'wacall']]) })?.extension, '20');
});
