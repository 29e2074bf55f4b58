// What a report says about the native addon: figures with and without it must not be confused.

import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { createReport } from '#bench/report.ts';
import { PROFILE_VARIABLE } from '#bench/rig/gateway-config.ts';
import { loadNative } from '#native/loader.ts';

const VARIABLE = 'MGW_NATIVE';
const EMPTY = { cases: [], ratios: {}, skipped: [] };

describe('createReport native', () => {
  const before = process.env[VARIABLE];

  afterEach(() => {
    if (before === undefined) delete process.env[VARIABLE];
    else process.env[VARIABLE] = before;
  });

  test('is what a gateway started here loads', () => {
    delete process.env[VARIABLE];
    assert.equal(createReport('mmtp', EMPTY).native, loadNative('auto').native);
  });

  test('is false where MGW_NATIVE switches the addon off', () => {
    process.env[VARIABLE] = 'off';
    assert.equal(createReport('mmtp', EMPTY).native, false);
  });

  test('is what the suite says where it chose the kernels itself', () => {
    for (const native of [true, false]) {
      assert.equal(createReport('codecs', { ...EMPTY, native }).native, native);
    }
  });
});

describe('createReport profile', () => {
  test('is the one that gateways started here take from the environment, if any', () => {
    delete process.env[PROFILE_VARIABLE];
    assert.ok(!('profile' in createReport('mmtp', EMPTY)));
    process.env[PROFILE_VARIABLE] = 'latency';
    try {
      assert.equal(createReport('mmtp', EMPTY).profile, 'latency');
    } finally {
      delete process.env[PROFILE_VARIABLE];
    }
  });
});
