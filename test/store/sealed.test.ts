import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { secret } from '../../gateway/config/index.js';
import { createSeal, SealError, type Seal } from '../../gateway/store/index.js';

const PLACE = { collection: 'credentials', key: '+15550000001' };
const PLAIN = 'Pässword!-0123456789';
const ORIGIN = '/etc/wa-trunk/store.key';
const raw = (): string => randomBytes(32).toString('base64');
const sealWith = (key: string): Seal => createSeal(secret(key), ORIGIN);

async function refuses(seal: Seal, sealed: string, place = PLACE): Promise<void> {
  await assert.rejects(seal.open(sealed, place), (error: unknown) => {
    assert.ok(error instanceof SealError, String(error));
    assert.match(error.message, /credentials\/.* cannot be read with the key of \/etc\/wa-trunk\/store\.key/);
    assert.ok(!error.message.includes(PLAIN));
    return true;
  });
}

const hex = randomBytes(32).toString('hex');
const KEYS = {
  'base64, with a line end': `${raw()}\n`,
  hex,
  passphrase: 'correct horse battery staple',
};

for (const [name, key] of Object.entries(KEYS)) {
  test(`${name}: what is sealed can be opened by another process with the key, and is not to be seen`, async () => {
    for (const plain of [PLAIN, '', 'x'.repeat(10_000)]) {
      const sealed = await sealWith(key).seal(plain, PLACE);
      assert.equal(await sealWith(key).open(sealed, PLACE), plain);
      if (plain !== '') assert.ok(!Buffer.from(sealed, 'base64url').includes(plain) && !sealed.includes(plain));
    }
  });

  test(`${name}: another key, another place, another version or any changed character is refused`, async () => {
    const seal = sealWith(key);
    const sealed = await seal.seal(PLAIN, PLACE);
    await refuses(sealWith(raw()), sealed);
    await refuses(sealWith('another passphrase'), sealed);
    await refuses(seal, sealed, { ...PLACE, key: '+15550000002' });
    await refuses(seal, sealed, { key: PLACE.key, collection: 'credentials/' });
    await refuses(seal, sealed.replace('s1.', 's2.'));
    for (const text of ['', '.', 's1', 's1.raw', 's1.raw..', 's1.scrypt.AAAA.AAAA.AAAA', PLAIN])
      await refuses(seal, text);
    const dataAt = sealed.lastIndexOf('.') + 1;
    for (const at of [dataAt, dataAt + 5, sealed.length - 3, dataAt - 5]) {
      const other = sealed[at] === 'A' ? 'B' : 'A';
      await refuses(seal, sealed.slice(0, at) + other + sealed.slice(at + 1));
    }
  });
}

test('no two seals of one text are the same', async () => {
  const seal = sealWith(raw());
  assert.notEqual(await seal.seal(PLAIN, PLACE), await seal.seal(PLAIN, PLACE));
});

test('hex and base64 of one key are one key', async () => {
  const sealed = await sealWith(hex).seal(PLAIN, PLACE);
  assert.equal(await sealWith(Buffer.from(hex, 'hex').toString('base64')).open(sealed, PLACE), PLAIN);
});

test('a short passphrase is refused without being shown', () => {
  for (const weak of ['', 'fifteen letters']) {
    assert.throws(
      () => sealWith(weak),
      (error: unknown) => {
        assert.ok(error instanceof SealError);
        assert.match(error.message, /store\.key: too short .*openssl rand -base64 32/);
        return weak === '' || !error.message.includes(weak);
      },
    );
  }
  assert.doesNotThrow(() => sealWith('sixteen letters!'));
});
