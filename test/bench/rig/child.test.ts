// Programs of others that serve: what they write stops neither them nor the reader.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { startSilentChild } from '#bench/rig/child.ts';

/** More than a pipe holds. */
const FLOOD_BYTES = 1024 * 1024;

const LOOK_EVERY_MS = 2;

describe('startSilentChild', () => {
  test('says what the child said before it ended, on either output', async () => {
    for (const output of ['stdout', 'stderr']) {
      const code = `process.${output}.write('port is taken'); process.exitCode = 3;`;
      const spec = { name: 'peer', command: [process.execPath, '-e', code], cpu: null };
      const isUp = () => new Promise<boolean>(() => {});
      await assert.rejects(startSilentChild(spec, {}, isUp), /peer ended \(3\): port is taken/);
    }
  });

  test('a child may write more than a pipe holds before it serves', async (context) => {
    const directory = mkdtempSync(join(tmpdir(), 'child-test-'));
    context.after(() => rmSync(directory, { recursive: true }));
    const mark = join(directory, 'up');
    const code = `head -c ${FLOOD_BYTES} /dev/zero; touch "$0"; exec sleep 1000`;
    const spec = { name: 'peer', command: ['sh', '-c', code, mark], cpu: null };
    const child = await startSilentChild(spec, {}, async () => {
      await delay(LOOK_EVERY_MS);
      return existsSync(mark);
    });
    await child.stop();
  });
});
