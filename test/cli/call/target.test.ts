// Errors of the system in words that people can act on.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CallFailure, connectHint, errorCode, reasonText } from '#cli/call/target.ts';

function systemError(code: string): Error {
  return Object.assign(new Error(`connect ${code}`), { code });
}

test('reasonText names every address that was tried', () => {
  const all = new AggregateError([systemError('ECONNREFUSED'), systemError('EHOSTUNREACH')], '');
  assert.equal(reasonText(all), 'connect ECONNREFUSED; connect EHOSTUNREACH');
  assert.equal(reasonText(systemError('EPIPE')), 'connect EPIPE');
  assert.equal(reasonText(null), 'null');
});

test('errorCode is empty where there is none', () => {
  assert.equal(errorCode(systemError('EPIPE')), 'EPIPE');
  assert.equal(errorCode(new Error('x')), '');
  assert.equal(errorCode(undefined), '');
});

test('connectHint knows what usually is the matter', () => {
  assert.match(
    connectHint(systemError('ECONNREFUSED'), '--at X'),
    /^Nothing listens.*--at X names/,
  );
  assert.match(connectHint(systemError('ENOTFOUND'), '--at X'), /unknown; check --at X\.$/);
  assert.equal(connectHint(systemError('EACCES'), '--at X'), 'Check --at X.');
});

test('CallFailure is unreachable only when no connection could be opened', () => {
  const isUnreachable = (code: string) => new CallFailure(code, '', '', null).isUnreachable;
  assert.deepEqual(['MMTP_CONNECT', 'HTTP_CONNECT', 'MMTP_CLOSED'].map(isUnreachable), [
    true,
    true,
    false,
  ]);
});
