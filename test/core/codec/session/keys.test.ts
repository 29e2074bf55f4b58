// Key files with every problem named, HKDF against RFC 5869, and the ring.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { TypeScriptKernels } from '#core/codec/kernels.ts';
import {
  deriveCompactKey,
  deriveLegacyKey,
  formatKeyFile,
  KeyRing,
  parseKeyFile,
} from '#core/codec/session/keys.ts';
import { hkdf, MASTER } from './reference.ts';
import { RFC_5869 } from '../rfc-5869.ts';

const BASE64 = MASTER.toString('base64');
const GOOD = { kid: 1, state: 'signing', master: BASE64 };

function problemsOf(value: unknown): string[] {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const result = parseKeyFile(text);
  return result.ok ? [] : result.problems.map(({ path, message }) => `${path}: ${message}`);
}

describe('parseKeyFile', () => {
  test('reads the format of the interface', () => {
    const text = `{"keys":[{"kid":1,"state":"signing","master":"${BASE64}","legacy":true}]}`;
    const result = parseKeyFile(text);
    assert.ok(result.ok);
    const key = { kid: 1, state: 'signing', master: MASTER, legacy: true } as const;
    assert.deepEqual(result.keys, [key]);
    assert.equal(formatKeyFile(result.keys), `${text}\n`);
  });

  test('reads every state and both ends of the key numbers', () => {
    const states = ['announced', 'signing', 'verify-only', 'dead'];
    const keys = states.map((state, index) => ({ ...GOOD, state, kid: [0, 1, 2, 65_535][index] }));
    assert.deepEqual(problemsOf({ keys }), []);
  });

  const wrong: readonly (readonly [string, unknown, RegExp])[] = [
    ['text', 'not json', /not JSON/],
    ['no object', [], /keys: Must be an array/],
    ['no list', { keys: {} }, /keys: Must be an array/],
    ['empty', { keys: [] }, /keys: Is empty/],
    ['too many', { keys: Array.from({ length: 1025 }, () => GOOD) }, /at most 1024/],
    ['unknown name', { keys: [GOOD], kyes: 1 }, /kyes: Unknown/],
    ['no key', { keys: [7] }, /keys\[0\]: Must be an object/],
    ['unknown field', { keys: [{ ...GOOD, secret: 1 }] }, /keys\[0\]\.secret: Unknown/],
    ['kid text', { keys: [{ ...GOOD, kid: '1' }] }, /keys\[0\]\.kid: Is "1"/],
    ['kid range', { keys: [{ ...GOOD, kid: 65_536 }] }, /kid: Is 65536/],
    ['kid negative', { keys: [{ ...GOOD, kid: -1 }] }, /kid: Is -1/],
    ['kid missing', { keys: [{ ...GOOD, kid: undefined }] }, /kid: Is missing/],
    ['state', { keys: [{ ...GOOD, state: 'active' }] }, /state: Is "active"; must be one of/],
    ['legacy', { keys: [{ ...GOOD, legacy: 1 }] }, /legacy: Is 1/],
    ['short master', { keys: [{ ...GOOD, master: BASE64.slice(4) }] }, /master: Must be 32/],
    ['master text', { keys: [{ ...GOOD, master: 5 }] }, /master: Must be 32/],
    ['master padding', { keys: [{ ...GOOD, master: BASE64.slice(0, 43) }] }, /master/],
    ['twice', { keys: [GOOD, GOOD] }, /Key number 1 is used twice/],
    [
      'two legacy',
      {
        keys: [
          { ...GOOD, legacy: true },
          { ...GOOD, kid: 2, legacy: true },
        ],
      },
      /Keys 1 and 2 are both marked legacy/,
    ],
  ];
  for (const [name, value, message] of wrong) {
    test(`names the problem: ${name}`, () => {
      const problems = problemsOf(value);
      assert.equal(problems.length, 1, problems.join('\n'));
      assert.match(problems[0]!, message);
    });
  }

  test('names all problems at once and no secret', () => {
    const bad = { kid: -1, state: 'x', master: `${BASE64}A`, legacy: 'y', more: 1 };
    const problems = problemsOf({ keys: [bad, { ...bad }] });
    assert.equal(problems.length, 10);
    assert.ok(!problems.join('').includes(BASE64.slice(0, 12)));
  });

  test('a dead legacy key does not count', () => {
    const dead = { ...GOOD, kid: 2, legacy: true, state: 'dead' };
    assert.deepEqual(problemsOf({ keys: [dead, { ...GOOD, legacy: true }] }), []);
  });
});

describe('key derivation', () => {
  test('the reference HKDF gives RFC 5869 cases 1, 2 and 3', () => {
    for (const { secret, salt, info, key } of RFC_5869) {
      assert.equal(hkdf(secret, salt, info, key.length / 2).toString('hex'), key);
    }
  });

  test('derived keys equal the reference and differ by channel and generation', () => {
    const salt = Buffer.from('mgw-session-v1');
    const kernels = new TypeScriptKernels();
    const wireless = deriveCompactKey(MASTER, 1, kernels);
    const pc = deriveCompactKey(MASTER, 2, kernels);
    const legacy = deriveLegacyKey(MASTER, kernels);
    assert.deepEqual(wireless, hkdf(MASTER, salt, Buffer.of(1), 32));
    assert.deepEqual(pc, hkdf(MASTER, salt, Buffer.of(2), 32));
    assert.deepEqual(legacy, hkdf(MASTER, Buffer.from('mgw-session-legacy'), Buffer.alloc(0), 32));
    assert.equal(new Set([wireless, pc, legacy].map((key) => key.toString('hex'))).size, 3);
  });
});

describe('KeyRing', () => {
  const kernels = new TypeScriptKernels();

  test('finds each live key by channel and number, and the stand-in for all others', () => {
    const states = ['announced', 'signing', 'verify-only', 'dead'] as const;
    const keys = states.map((state, i) => ({
      kid: i * 10,
      state,
      master: MASTER,
      legacy: i === 2,
    }));
    const ring = new KeyRing(keys, kernels);
    const found = new Set<unknown>();
    for (const channel of [1, 2]) for (const kid of [0, 10, 20]) found.add(ring.find(channel, kid));
    assert.equal(found.size, 6);
    assert.ok(!found.has(ring.dummy));
    for (const channel of [1, 2]) {
      for (const kid of [1, 9, 11, 21, 30, 31, 65_535]) {
        assert.equal(ring.find(channel, kid), ring.dummy);
      }
    }
    for (const channel of [0, 3, -1]) assert.equal(ring.find(channel, 10), ring.dummy);
    assert.deepEqual(ring.signingKids, [10]);
    assert.ok(ring.legacyKey);
  });

  test('has no legacy key when none is marked or it is dead', () => {
    const key = { kid: 1, state: 'dead', master: MASTER, legacy: true } as const;
    assert.equal(new KeyRing([key], kernels).legacyKey, null);
    assert.equal(
      new KeyRing([{ ...key, state: 'signing', legacy: false }], kernels).legacyKey,
      null,
    );
    assert.equal(new KeyRing([], kernels).find(1, 0).pads.length, 128);
  });
});
