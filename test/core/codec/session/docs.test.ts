// The worked example of docs/session.md, which outside minters are written from, must be right.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { TypeScriptKernels } from '#core/codec/kernels.ts';
import { decodeCanonicalBase64Url } from '#core/codec/session/base64url.ts';
import { deriveCompactKey, deriveLegacyKey } from '#core/codec/session/keys.ts';
import { SESSION_STATUS_NAMES } from '#core/codec/session/types.ts';
import { Harness } from './harness.ts';
import { MASTER, mint, SID } from './reference.ts';

const kernels = new TypeScriptKernels();
const doc = readFileSync(new URL('../../../../docs/session.md', import.meta.url), 'utf8');

/** The values of the example by name. */
const example = new Map<string, string>();
const block = doc.slice(doc.indexOf('```\nmaster ') + 4);
for (const line of block.slice(0, block.indexOf('```')).split('\n')) {
  const [, name, value] = /^([a-z ]+?) {2,}(\S+)/.exec(line) ?? [];
  if (name !== undefined && value !== undefined) example.set(name, value);
}

const PARTS = [
  'version',
  'channel',
  'kid',
  'issued at',
  'time to live',
  'uid',
  'sid',
  'epoch',
  'device hash',
  'login level',
  'shard hint',
  'length',
  'tenant',
  'locale',
  'mac',
];

describe('docs/session.md', () => {
  test('the keys of the example are the derived ones', () => {
    assert.equal(example.get('master'), MASTER.toString('hex'));
    assert.equal(example.get('wireless key'), deriveCompactKey(MASTER, 1, kernels).toString('hex'));
    assert.equal(example.get('pc key'), deriveCompactKey(MASTER, 2, kernels).toString('hex'));
    assert.equal(example.get('legacy key'), deriveLegacyKey(MASTER, kernels).toString('hex'));
  });

  test('the parts of the example make its text, equal the reference and pass', () => {
    const hex = PARTS.map((name) => example.get(name) ?? `missing ${name}`).join('');
    const session = Buffer.from(hex, 'hex');
    assert.equal(session.length * 2, hex.length);
    assert.equal(session.toString('base64url'), example.get('text'));
    const minted = mint({
      iat: 1_800_000_000,
      ttl: 86_400,
      sid: SID,
      device: 'device-42',
      attributes: Buffer.from('\x01\x04acme\x02\x05zh-CN'),
    });
    assert.deepEqual(session, minted);
    const harness = new Harness();
    assert.equal(harness.check(session, { device: 'device-42', now: 1_800_000_000 }), 'ok');
    assert.equal(harness.view.uidLow, 208_812_345);
    const text = Buffer.from(example.get('text')!);
    const decoded = Buffer.alloc(650);
    const bytes = decodeCanonicalBase64Url(text, 0, text.length, decoded, 0);
    assert.deepEqual(decoded.subarray(0, bytes), session);
  });

  const hasPython = spawnSync('python3', ['--version']).status === 0;
  const skip = hasPython ? false : 'python3 is not installed';
  test('the Python program prints the text of the example', { skip }, () => {
    const from = doc.indexOf('```python') + '```python'.length;
    const program = doc.slice(from, doc.indexOf('```', from));
    const run = spawnSync('python3', ['-c', program], { encoding: 'utf8' });
    assert.equal(run.stdout.trim(), example.get('text'), run.stderr);
  });

  test('names every reason and no other', () => {
    const checks = doc.slice(doc.indexOf('## What is checked'), doc.indexOf('**The client gets'));
    const rows = checks.split('\n').filter((line) => /^\| \d/.test(line));
    const named = rows.flatMap((row) => row.split('|')[3]!.match(/[a-zA-Z]+/g) ?? []);
    const expected = SESSION_STATUS_NAMES.filter((name) => name !== 'ok' && name !== 'badPayload');
    assert.deepEqual(named, expected);
    assert.ok(doc.includes('`badPayload`'));
  });
});
