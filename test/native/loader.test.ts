// loadNative: each mode, and files that are no usable addon. None of them may do more than to give
// a reason.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { ADDON_INTERFACE, loadAddon } from '#native/addon.ts';
import { ADDON_PATH, loadNative, NativeMissingError } from '#native/loader.ts';
import { skipNative } from './support/forms.ts';

const folder = mkdtempSync(join(tmpdir(), 'mgw-addon-'));
after(() => rmSync(folder, { recursive: true }));

function fileOf(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** An addon that knows the answers it is asked for, right and then wrong, but for `changes`. */
function fakeAddon(changes: Readonly<Record<string, string>>): string {
  const functions = {
    interfaceNumber: `() => ${ADDON_INTERFACE}`,
    prepareMacKey: '() => 0',
    releaseMacKey: '() => true',
    bindMemory: '() => 0',
    unbindMemory: '() => true',
    verifyMac: '() => alone++ === 0',
    verifyMacs: '() => (batches++ === 0 ? 2 : 0)',
    crc32: '() => 0xcbf43926',
    ...changes,
  };
  const lines = Object.entries(functions).map(([name, body]) => `exports.${name} = ${body};`);
  return ['let alone = 0, batches = 0;', ...lines].join('\n');
}

/** Files that are there and cannot be used, with what the reason says. */
const UNUSABLE: readonly (readonly [string, string, RegExp])[] = [
  ['text.node', 'no library', /cannot be loaded: /],
  ['empty.node', '', /cannot be loaded: /],
  ['throws.cjs', 'throw new Error("first line\\nsecond line");', /cannot be loaded: first line$/],
  ['throws-text.cjs', 'throw "text";', /cannot be loaded: text$/],
  ['other.cjs', 'module.exports = {};', /interface unknown, this version needs/],
  ['later.cjs', 'exports.interfaceNumber = () => 99;', /interface 99, this version needs/],
  ['wrong.cjs', fakeAddon({ verifyMac: '() => true' }), /computes wrong results/],
  ['wrong-batch.cjs', fakeAddon({ verifyMacs: '() => 2' }), /computes wrong results/],
  ['wrong-sum.cjs', fakeAddon({ crc32: '() => 0' }), /computes wrong results/],
];

describe('loadNative', () => {
  test('off does not look at the addon', () => {
    const { kernels, native, reason } = loadNative('off');
    assert.equal(native, false);
    assert.equal(kernels.name, 'typescript');
    assert.match(reason, /--native off/);
  });

  test('a missing addon is a reason, or an error that says what to do', () => {
    const path = join(folder, 'none.node');
    const { kernels, native, reason } = loadNative('auto', path);
    assert.deepEqual([native, kernels.name], [false, 'typescript']);
    assert.match(reason, /it is not built$/);
    assert.throws(
      () => loadNative('on', path),
      (error: unknown) =>
        error instanceof NativeMissingError && error.message.includes('npm run build:native'),
    );
  });

  for (const [name, content, pattern] of UNUSABLE) {
    test(`${name} is not used`, () => {
      const path = fileOf(name, content);
      const { native, reason } = loadNative('auto', path);
      assert.equal(native, false);
      assert.match(reason, pattern);
      assert.doesNotMatch(reason, /second line/);
      assert.throws(() => loadNative('on', path), NativeMissingError);
    });
  }
});

describe('the built addon', { skip: skipNative }, () => {
  test('is used by auto and on, as often as wanted', () => {
    for (const mode of ['auto', 'on', 'auto'] as const) {
      const { kernels, native, reason } = loadNative(mode);
      assert.deepEqual([native, kernels.name], [true, 'native']);
      assert.match(reason, /in use/);
    }
  });

  test('of another processor is not used', { skip: process.platform !== 'linux' }, () => {
    const bytes = readFileSync(ADDON_PATH);
    // e_machine of the ELF header: 0x5a is no processor of today.
    bytes.writeUInt16LE(0x5a, 18);
    assert.match(loadNative('auto', fileOf('foreign.node', bytes)).reason, /cannot be loaded/);
  });

  test('has exactly the functions of its interface', () => {
    const result = loadAddon(ADDON_PATH);
    assert.ok(result.ok);
    const names = [
      'bindMemory',
      'crc32',
      'gunzip',
      'hkdf',
      'interfaceNumber',
      'prepareMacKey',
      'prepareZstdDictionary',
      'releaseMacKey',
      'releaseZstdDictionary',
      'sha256',
      'signMac',
      'trimHeap',
      'unbindMemory',
      'verifyMac',
      'verifyMacs',
      'xxh32',
      'zstdCompress',
      'zstdDecompress',
    ];
    assert.deepEqual(Object.keys(result.addon).sort(), names);
  });

  test('throws for values that are no bytes, and survives', () => {
    const result = loadAddon(ADDON_PATH);
    assert.ok(result.ok);
    const { addon } = result;
    for (const wrong of [
      null,
      undefined,
      1,
      'text',
      {},
      [],
      new Uint16Array(4),
      new DataView(new ArrayBuffer(8)),
    ]) {
      assert.throws(() => addon.crc32(wrong as Uint8Array, 0, 0), `${String(wrong)}`);
      assert.throws(() => addon.bindMemory(wrong as Uint8Array));
      assert.throws(() => addon.verifyMac(0, wrong as Uint8Array, 0, 0, 0));
    }
    assert.equal(addon.crc32(new Uint8Array(0), 0, 0), 0);
    assert.equal(addon.verifyMac(12_345, new Uint8Array(64), 0, 32, 32), false);
    assert.equal(addon.releaseMacKey(12_345), false);
    assert.equal(addon.unbindMemory(12_345), false);
    assert.equal(addon.releaseZstdDictionary(12_345), false);
    assert.equal(addon.zstdCompress(12_345, new Uint8Array(9), 0, 9, new Uint8Array(9), 0, 9), -1);
    assert.equal(addon.verifyMacs(new Uint8Array(47), 2), -3);
    assert.equal(addon.verifyMacs(new Uint8Array(48), 2), 0);
    assert.equal(addon.verifyMacs(new Uint8Array(48), -1), -3);
    assert.equal(addon.verifyMacs(new Uint8Array(48), 2 ** 62), -3);
  });

  test('a released key is gone and its number is given again', () => {
    const result = loadAddon(ADDON_PATH);
    assert.ok(result.ok);
    const { addon } = result;
    const bytes = new Uint8Array(64);
    const first = addon.prepareMacKey(Buffer.from('first'));
    assert.equal(addon.signMac(first, bytes, 0, 10, bytes, 20), 32);
    assert.equal(addon.verifyMac(first, bytes, 0, 10, 20), true);
    assert.equal(addon.releaseMacKey(first), true);
    assert.equal(addon.releaseMacKey(first), false);
    assert.equal(addon.verifyMac(first, bytes, 0, 10, 20), false);
    assert.equal(addon.signMac(first, bytes, 0, 10, bytes, 20), -1);
    const second = addon.prepareMacKey(Buffer.from('second'));
    assert.equal(second, first);
    assert.equal(addon.verifyMac(second, bytes, 0, 10, 20), false);
    addon.releaseMacKey(second);
  });
});
