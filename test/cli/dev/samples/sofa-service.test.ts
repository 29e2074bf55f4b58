// The sample SOFARPC service as a process; its answers are tested by test/interop/bolt-sofa.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageFile } from '#config/package-files.ts';
import { startSofaPeer } from '#test/peers/sofa.ts';

const SAMPLES = 'cli/dev/samples';
const SERVICE = `${SAMPLES}/sofa-service.ts`;

interface Ended {
  readonly code: number;
  readonly stderr: string;
}

function run(file: string, args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [file, ...args], (error, _stdout, stderr) => {
      resolve({ code: Number(error?.code ?? 0), stderr });
    });
  });
}

test('ends on SIGTERM with code 0', async () => {
  const peer = await startSofaPeer();
  assert.equal(await peer.stop(), 0);
});

test('says which packages it misses and exits with 3', async () => {
  // Copied to where no node_modules is in reach.
  const folder = await mkdtemp(join(tmpdir(), 'mgw-samples-'));
  try {
    for (const path of [SAMPLES, 'config/package-files.ts', 'package.json']) {
      await cp(packageFile(path), join(folder, path), { recursive: true });
    }
    const { code, stderr } = await run(join(folder, SERVICE), []);
    assert.equal(code, 3);
    assert.match(stderr, /needs sofa-rpc-node and antpb/);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('refuses a wrong port with 2', async () => {
  for (const port of ['x', '-1', '65536', '']) {
    const { code, stderr } = await run(packageFile(SERVICE), [`--port=${port}`]);
    assert.equal(code, 2, port);
    assert.match(stderr, /is no port/);
  }
});
