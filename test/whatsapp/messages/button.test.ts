import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buttonFaults, sendButton } from '../../../gateway/whatsapp/messages/index.js';
import type { CallButton } from '../../../gateway/whatsapp/messages/index.js';
import { GraphError } from '../../../gateway/whatsapp/graph/index.js';
import { NUMBER_ID, USER, withMeta } from '../meta.js';

const FULL: CallButton = {
  user: USER,
  text: 'Call us about your order',
  displayText: 'Call on WhatsApp',
  ttlMinutes: 43_200,
  payload: 'order 42',
};

test('a button within the limits is taken, in the form that Meta names', async () => {
  await withMeta(async ({ sim, graph }) => {
    sim.openWindow(NUMBER_ID, USER);
    sim.openWindow(NUMBER_ID, 'US.13491208655302741918');
    const { messageId } = await sendButton(graph, NUMBER_ID, FULL);
    await sendButton(graph, NUMBER_ID, { user: 'US.13491208655302741918', text: 'Call us' });
    const [full, short] = sim.state.messages;
    assert.equal(messageId, full?.id);
    assert.deepEqual(full?.body, {
      ...{ messaging_product: 'whatsapp', recipient_type: 'individual', to: '4915112345678', type: 'interactive' },
      interactive: {
        type: 'voice_call',
        body: { text: 'Call us about your order' },
        action: {
          name: 'voice_call',
          parameters: { display_text: 'Call on WhatsApp', ttl_minutes: 43_200, payload: 'order 42' },
        },
      },
    });
    assert.deepEqual(short?.body, {
      ...{ messaging_product: 'whatsapp', recipient_type: 'individual', recipient: 'US.13491208655302741918' },
      type: 'interactive',
      interactive: { type: 'voice_call', body: { text: 'Call us' }, action: { name: 'voice_call' } },
    });
  });
});

test('a refusal of Meta says what it means and what to do', async () => {
  await withMeta(async ({ graph }) => {
    await assert.rejects(sendButton(graph, NUMBER_ID, FULL), (error) => {
      assert.ok(error instanceof GraphError);
      assert.equal(error.fault.code, 131047);
      assert.match(error.message, /more than 24 hours have passed since the user last wrote: use a template/);
      return true;
    });
  });
});

test('each limit is checked before, exactly where it lies', () => {
  assert.deepEqual(buttonFaults(FULL), []);
  const user =
    'allowed an E.164 number with its + such as +4915112345678, or a user id such as US.13491208655302741918';
  const cases: [Partial<CallButton>, string[]][] = [
    [{ user: '4915112345678' }, [`user found "4915112345678", ${user}`]],
    [{ text: ' ' }, ['text found nothing, allowed a text']],
    [{ text: 'é'.repeat(1024) }, []],
    [{ text: 'é'.repeat(1025) }, ['text found 1025 characters, allowed 1024']],
    [{ displayText: '😀'.repeat(20) }, []],
    [{ displayText: 'x'.repeat(21) }, ['displayText found 21 characters, allowed 20']],
    [{ displayText: '' }, ['displayText found nothing, allowed a text; leave it out for "Call Now"']],
    [{ ttlMinutes: 1 }, []],
    [{ ttlMinutes: 0 }, ['ttlMinutes found 0, allowed 1 to 43200 minutes']],
    [{ ttlMinutes: 43_201 }, ['ttlMinutes found 43201, allowed 1 to 43200 minutes']],
    [{ ttlMinutes: 1.5 }, ['ttlMinutes found 1.5, allowed 1 to 43200 minutes']],
    [{ payload: 'x'.repeat(512) }, []],
    [{ payload: 'x'.repeat(513) }, ['payload found 513 characters, allowed 512']],
    [{ payload: 'a\nb' }, ['payload found a control character, allowed one line of text']],
    [
      { text: '', ttlMinutes: 0 },
      ['text found nothing, allowed a text', 'ttlMinutes found 0, allowed 1 to 43200 minutes'],
    ],
  ];
  for (const [change, faults] of cases) {
    const found = buttonFaults({ ...FULL, ...change }).map(({ field, fault }) => `${field} ${fault}`);
    assert.deepEqual(found, faults, JSON.stringify(change));
  }
});
