// The lock file names every platform package, and the tool that completes it knows their names.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { missingEntries, type LockFile } from '#tools/complete-lock.ts';

describe('missingEntries()', () => {
  test('finds nothing in the lock file of the project', () => {
    const text = readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8');
    assert.deepEqual([...missingEntries(JSON.parse(text) as LockFile).keys()], []);
  });

  test('describes what a registry left out, by the name of the package', () => {
    const optionalDependencies = {
      '@a/b-linux-x64-gnu': '1.2.3',
      '@a/b-linux-arm64-musl': '1.2.3',
      '@a/b-win32-x64-msvc': '^1.2.3',
      '@a/b-darwin-arm64': '1.2.3',
      '@a/openbsd-x64': '1.2.3',
      '@a/b-wasm32-wasi': '1.2.3',
      'no-platform': '1.0.0',
    };
    const lock: LockFile = {
      packages: {
        '': {},
        'node_modules/a': { version: '1.2.3', dev: true, license: 'MIT', optionalDependencies },
        'node_modules/@a/b-darwin-arm64': { version: '1.2.3' },
      },
    };
    const common = { version: '1.2.3', dev: true, license: 'MIT', optional: true };
    assert.deepEqual(Object.fromEntries(missingEntries(lock)), {
      'node_modules/@a/b-linux-x64-gnu': {
        ...common,
        cpu: ['x64'],
        os: ['linux'],
        libc: ['glibc'],
      },
      'node_modules/@a/b-linux-arm64-musl': {
        ...common,
        cpu: ['arm64'],
        os: ['linux'],
        libc: ['musl'],
      },
      'node_modules/@a/b-win32-x64-msvc': { ...common, cpu: ['x64'], os: ['win32'] },
      'node_modules/@a/openbsd-x64': { ...common, cpu: ['x64'], os: ['openbsd'] },
      'node_modules/@a/b-wasm32-wasi': { ...common, cpu: ['wasm32'] },
    });
  });
});
