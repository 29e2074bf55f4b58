// The registries of reasons and result codes agree with each other and are closed.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Errors } from '#core/base/errors.ts';
import { RESULT_CODES, ResultCode, resultCodeInfo } from '#core/base/result-codes.ts';

const errors = Object.entries(Errors);

describe('Errors', () => {
  test('every code is unique and spelled alike', () => {
    const codes = errors.map(([, { code }]) => code);
    assert.equal(new Set(codes).size, codes.length);
    for (const code of codes) assert.match(code, /^GW_[A-Z_]+$/);
  });

  test('every reason has a result code that clients can look up, and a sentence', () => {
    for (const [name, { resultCode, text }] of errors) {
      assert.equal(resultCodeInfo(resultCode).code, resultCode, name);
      assert.match(text, /^[A-Z].*[^.]$/, name);
    }
  });

  test('nobody can change a reason', () => {
    for (const [name, error] of errors) assert.ok(Object.isFrozen(error), name);
  });

  test('what never reached a service may be sent again', () => {
    const { upstreamConnectRefused, upstreamPoolFull, upstreamReset, timeout } = Errors;
    assert.equal(upstreamConnectRefused.retry, 'safe');
    assert.equal(upstreamPoolFull.retry, 'safe');
    assert.equal(upstreamReset.retry, 'if-idempotent');
    assert.equal(timeout.retry, 'if-idempotent');
  });
});

describe('RESULT_CODES', () => {
  test('is the closed set, ascending, each with an HTTP status and texts', () => {
    const codes = RESULT_CODES.map(({ code }) => code);
    assert.deepEqual(codes, codes.toSorted());
    assert.deepEqual(codes, Object.values(ResultCode).toSorted());
    for (const { httpStatus, en, zh } of RESULT_CODES) {
      assert.ok(httpStatus >= 200 && httpStatus < 600);
      assert.notEqual(en.memo, '');
      assert.notEqual(zh.memo, '');
    }
  });

  test('an unknown code reads as 5000', () => {
    assert.equal(resultCodeInfo(1).code, ResultCode.unknownError);
    assert.equal(resultCodeInfo(1000).code, ResultCode.success);
  });
});
