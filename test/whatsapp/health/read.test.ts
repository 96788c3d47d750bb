import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readNumberHealth, readRestrictions } from '../../../gateway/whatsapp/health/index.js';

/** As Meta's page shows a number without SIP: everything else is well, the aggregate says BLOCKED. */
const WITHOUT_SIP = {
  id: '106540352242922',
  quality_rating: 'GREEN',
  status: 'CONNECTED',
  health_status: {
    can_send_message: 'BLOCKED',
    entities: [
      {
        ...{ entity_type: 'PHONE_NUMBER', id: '106540352242922', can_send_message: 'AVAILABLE' },
        can_receive_call_sip: 'BLOCKED',
        errors: [
          { error_code: 141010, error_description: 'Message limit', possible_solution: 'Wait' },
          { error_code: 138024, error_description: 'SIP is not enabled', possible_solution: 'Enable SIP' },
        ],
      },
      { entity_type: 'WABA', id: '1', can_send_message: 'AVAILABLE' },
      { entity_type: 'APP', id: '2', can_send_message: 'AVAILABLE', can_receive_call_sip: 'AVAILABLE' },
    ],
  },
};

test('what blocks SIP is told with its solution; what blocks messages is left out', () => {
  assert.deepEqual(readNumberHealth(WITHOUT_SIP), {
    sip: 'blocked',
    quality: 'GREEN',
    status: 'CONNECTED',
    entities: [
      {
        ...{ type: 'PHONE_NUMBER', id: '106540352242922', sip: 'blocked' },
        problems: [
          {
            code: 138024,
            text: 'SIP is not enabled',
            solution: 'set numbers[].calling.sip.status to enabled and run wa-trunk apply; Meta says: Enable SIP',
          },
        ],
      },
      { type: 'APP', id: '2', sip: 'available', problems: [] },
    ],
  });
});

test('the aggregate is not trusted, in either direction', () => {
  const entity = (sip: string) => ({ entity_type: 'PHONE_NUMBER', can_receive_call_sip: sip });
  const health = (aggregate: string, sip: string) =>
    readNumberHealth({ health_status: { can_send_message: aggregate, entities: [entity(sip)] } }).sip;
  assert.equal(health('BLOCKED', 'AVAILABLE'), 'available');
  assert.equal(health('AVAILABLE', 'BLOCKED'), 'blocked');
});

test('limits have notes instead of errors', () => {
  const { sip, entities } = readNumberHealth({
    health_status: {
      entities: [
        {
          ...{ entity_type: 'APP', id: 2, can_receive_call_sip: 'LIMITED' },
          additional_info: ['The app is in\ndevelopment mode'],
        },
      ],
    },
  });
  assert.equal(sip, 'limited');
  assert.deepEqual(entities, [
    { type: 'APP', id: '2', sip: 'limited', problems: [{ text: 'The app is in development mode' }] },
  ]);
});

test('whatever comes, nothing is thrown and nothing is made up', () => {
  const odd: object[] = [
    {},
    { health_status: null },
    { health_status: 'AVAILABLE' },
    { health_status: { entities: {} } },
    {
      health_status: { entities: [null, 7, 'x', [], { entity_type: 'PHONE_NUMBER' }] },
      status: {},
      quality_rating: [],
    },
    { health_status: { entities: [{ entity_type: 'APP', can_receive_call_sip: 'SOMETIMES', errors: 'many' }] } },
  ];
  for (const reply of odd) {
    const { sip, quality, status } = readNumberHealth(reply as Record<string, unknown>);
    assert.deepEqual([sip, quality, status], ['unknown', undefined, undefined]);
    assert.deepEqual(readRestrictions(reply as Record<string, unknown>), []);
  }
  const [entity] = readNumberHealth({
    health_status: {
      entities: [{ entity_type: 'APP', can_receive_call_sip: 'blocked', errors: [null, {}, { error_code: '999999' }] }],
    },
  }).entities;
  assert.deepEqual(entity?.problems, [{ text: 'no reason given' }, { code: 999_999, text: 'no reason given' }]);
});

test('restrictions say which calls they stop and until when', () => {
  const list = [
    { type: 'RESTRICTED_BUSINESS_INITIATED_CALLING', reason: 'high negative feedback', expiration: 1_754_072_386 },
    { type: 'RESTRICTED_USER_INITIATED_CALLING', expiration: '1754072386' },
    { type: 'RESTRICTED_USER_INITIATED_CALLING_CALL_BUTTON_HIDDEN' },
    { type: 'RESTRICTED_BIZ_INITIATED_AND_USER_INITIATED_CALLING' },
    { type: 'RESTRICTED_IN_SOME_NEW_WAY', expiration: 0 },
    { reason: 'no type' },
    'no object',
  ];
  const expected = [
    {
      ...{ type: 'RESTRICTED_BUSINESS_INITIATED_CALLING', stops: 'business-initiated' },
      ...{ reason: 'high negative feedback', expiresAtMs: 1_754_072_386_000 },
    },
    { type: 'RESTRICTED_USER_INITIATED_CALLING', stops: 'user-initiated', expiresAtMs: 1_754_072_386_000 },
    { type: 'RESTRICTED_USER_INITIATED_CALLING_CALL_BUTTON_HIDDEN', stops: 'user-initiated' },
    { type: 'RESTRICTED_BIZ_INITIATED_AND_USER_INITIATED_CALLING', stops: 'both' },
    { type: 'RESTRICTED_IN_SOME_NEW_WAY', stops: 'both' },
  ];
  assert.deepEqual(readRestrictions({ calling: { restrictions: { restrictions_list: list } } }), expected);
  assert.deepEqual(readRestrictions({ calling: { restrictions: { restriction_list: list } } }), expected);
});
