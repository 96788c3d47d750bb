import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createOpeningHours } from '../../gateway/calls/hours.js';
import { Router, type CallFacts } from '../../gateway/calls/routing.js';
import { readWeeklyHours } from '../../gateway/config/hours.js';
import type { Hours, RouteConfig, TrunkConfig } from '../../gateway/config/types.js';
import { numberConfig, trunkConfig } from './configs.js';

const number = numberConfig();
const facts = { number: number.number, payload: undefined, country: undefined, userParams: new Map<string, string>() };
/** A Wednesday. */
const NOON = new Date('2026-11-25T12:00:00Z');
const NIGHT = new Date('2026-11-25T23:00:00Z');

function hours(timezone: string, ...weekly: string[]): Hours {
  return {
    timezone,
    weekly: weekly.map((text) => {
      const read = readWeeklyHours(text);
      assert.ok(read, text);
      return read;
    }),
  };
}

const OFFICE = hours('UTC', 'Mo-Fr 09:00-18:00');

function router(routes: readonly RouteConfig[] = [], now = NOON, trunks: readonly TrunkConfig[] = []): Router {
  const config = { numbers: [number], trunks: [...trunks, trunkConfig('main'), trunkConfig('sales')], routes };
  return new Router(config, () => now);
}

/** `main:10 sales:20 486 closed` */
function plan(from: Router, call: Partial<CallFacts> = {}): string {
  const { destinations, status, closed } = from.plan(number, { ...facts, ...call });
  const steps = destinations.map(({ trunk, extension }) => `${trunk.name}:${extension}`);
  return [...steps, ...(status === undefined ? [] : [String(status)]), ...(closed ? ['closed'] : [])].join(' ');
}

test('a number is found with and without its plus', () => {
  assert.equal(router().number('12145551869'), number);
  assert.equal(router().number('+12145551869'), number);
  assert.equal(router().number('+1'), undefined);
});

test('without a route the number goes to its own trunk as extension', () => {
  assert.equal(plan(router()), 'main:+12145551869');
});

test('the first route that matches wins; all its conditions have to hold', () => {
  const routes = router([
    { match: { payload: 'sales', country: 'il' }, trunk: 'sales', extension: '10' },
    { match: { userParams: { tgrp: 'wacall' } }, extension: '20' },
    { match: {}, extension: '30' },
  ]);
  assert.equal(plan(routes, { payload: 'sales', country: 'IL' }), 'sales:10');
  assert.equal(plan(routes, { payload: 'sales' }), 'main:30');
  assert.equal(plan(routes, { userParams: new Map([['tgrp', 'wacall']]) }), 'main:20');
});

test('a route outside of its hours leads to its fallback, or is passed over', () => {
  const open = { match: { hours: OFFICE }, extension: '10' };
  const rest = { match: {}, extension: '30' };
  assert.equal(plan(router([open, rest], NOON)), 'main:10');
  assert.equal(plan(router([open, rest], NIGHT)), 'main:30');
  assert.equal(plan(router([{ ...open, fallback: { status: 486 } }, rest], NIGHT)), '486 closed');
  assert.equal(plan(router([{ ...open, fallback: { extension: '99' } }, rest], NIGHT)), 'main:99 closed');
  assert.equal(
    plan(router([{ ...open, fallback: { trunk: 'sales', status: 480 } }, rest], NIGHT)),
    'sales:10 480 closed',
  );
});

test('hours count only for calls that the route is for', () => {
  const brazil = { match: { country: 'BR', hours: OFFICE }, extension: '10', fallback: { status: 486 } };
  assert.equal(plan(router([brazil], NIGHT), { country: 'BR' }), '486 closed');
  assert.equal(plan(router([brazil], NIGHT), { country: 'DE' }), 'main:+12145551869');
});

test("what comes after a trunk that is not reached: the route's fallback, else the trunk's own, one after the other", () => {
  const trunks = [
    trunkConfig('a', { fallback: { trunk: 'b', extension: '70' } }),
    trunkConfig('b', { fallback: { trunk: 'sales', status: 480 } }),
  ];
  assert.equal(plan(router([{ match: {}, trunk: 'a', extension: '10' }], NOON, trunks)), 'a:10 b:70 sales:70 480');
  const routed = (fallback: RouteConfig['fallback'] & object): string =>
    plan(router([{ match: {}, trunk: 'a', extension: '10', fallback }], NOON, trunks));
  assert.equal(routed({ trunk: 'main' }), 'a:10 main:10');
  assert.equal(routed({ status: 486 }), 'a:10 486');
  assert.equal(routed({ trunk: 'b', status: 486 }), 'a:10 b:10 sales:10 486');
  // The same trunk again would be as far away.
  assert.equal(routed({ extension: '99', status: 486 }), 'a:10 486');
});

test('two trunks that stand in for each other end nowhere twice', () => {
  const trunks = [trunkConfig('a', { fallback: { trunk: 'b' } }), trunkConfig('b', { fallback: { trunk: 'a' } })];
  assert.equal(plan(router([{ match: {}, trunk: 'b', extension: '10' }], NOON, trunks)), 'b:10 a:10');
});

test('opening hours follow the clock of their time zone, summer time included', () => {
  const open = createOpeningHours(hours('Europe/Berlin', 'Mo-Fr 09:00-12:30,14:00-18:00', 'Sa 10:00-24:00'));
  const cases: readonly (readonly [string, boolean])[] = [
    ['2026-11-25T07:59:59Z', false],
    ['2026-11-25T08:00:00Z', true],
    ['2026-11-25T11:30:00Z', false],
    ['2026-11-25T13:00:00Z', true],
    ['2026-11-25T17:00:00Z', false],
    ['2026-07-22T06:59:00Z', false],
    ['2026-07-22T07:00:00Z', true],
    ['2026-11-28T09:00:00Z', true],
    ['2026-11-28T22:59:00Z', true],
    ['2026-11-28T23:00:00Z', false],
    ['2026-11-29T12:00:00Z', false],
  ];
  for (const [at, expected] of cases) assert.equal(open(new Date(at)), expected, at);
});

test('hours over midnight belong to the day they begin on', () => {
  const open = createOpeningHours(hours('Asia/Kolkata', 'Su 22:00-06:00'));
  const local = (text: string): Date => new Date(`${text}:00+05:30`);
  assert.equal(open(local('2026-11-29T21:59')), false);
  assert.equal(open(local('2026-11-29T22:00')), true);
  assert.equal(open(local('2026-11-30T05:59')), true);
  assert.equal(open(local('2026-11-30T06:00')), false);
  assert.equal(open(local('2026-11-29T05:00')), false);
});
