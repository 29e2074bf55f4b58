// A part of the development system as a process: what becomes of one that cannot start.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { programFile } from '#config/package-files.ts';
import { ChildFailure, DevChild } from '#cli/dev/child.ts';

test('a gateway that cannot start ends at once, with its own exit code', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  t.after(() => taken.close());
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  const flags = [`--http-port=${port}`, '--mmtp-port=0', '--admin-port=off', '--workers=0'];
  const args = [programFile('cli/mgw.js'), 'sidecar', '--upstream=app=http://127.0.0.1:1'];
  await assert.rejects(DevChild.start('gateway', [...args, ...flags]), (error) => {
    assert.ok(error instanceof ChildFailure);
    assert.equal(error.exitCode, 1, error.message);
    return true;
  });
});
