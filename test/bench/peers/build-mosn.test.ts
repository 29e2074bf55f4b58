// What is built of MOSN's source, and what is said when it cannot be. Nothing here is downloaded.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ownGoMod, ownGoSum, ownMain } from '#bench/peers/build-mosn.ts';
import { MOSN_VERSION } from '#bench/peers/mosn.ts';

const GO_MOD = `module mosn.io/mosn

go 1.18

require (
\tmosn.io/api v1.6.0
\tvimagination.zapto.org/byteio v0.1.0
)

require vimagination.zapto.org/memio v1.0.0 // indirect

replace istio.io/api => istio.io/api v0.0.1
`;

const MAIN = `package main

import (
\t_ "mosn.io/mosn/pkg/filter/stream/proxywasm"
\t_ "mosn.io/mosn/pkg/filter/stream/seata"
)
`;

describe('build-mosn', () => {
  let directory: string;

  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'build-mosn-test-'));
  });

  after(() => rmSync(directory, { recursive: true }));

  test('ownGoMod keeps requirements and replacements, and requires MOSN', () => {
    const text = ownGoMod(GO_MOD);
    assert.deepEqual(text.match(/^module .*/gm), ['module bench/mosn']);
    for (const line of [`require mosn.io/mosn ${MOSN_VERSION}`, 'go 1.18', 'mosn.io/api v1.6.0']) {
      assert.ok(text.includes(line), line);
    }
    assert.ok(text.includes('replace istio.io/api => istio.io/api v0.0.1'));
  });

  test('ownGoMod excludes what is left out', () => {
    const lines = ownGoMod(GO_MOD).split('\n');
    assert.deepEqual(
      lines.filter((line) => line.includes('vimagination')),
      [
        'exclude vimagination.zapto.org/byteio v0.1.0',
        'exclude vimagination.zapto.org/memio v1.0.0',
      ],
    );
    assert.throws(() => ownGoMod('module mosn.io/mosn\n'), /is another one/);
  });

  test('ownGoSum adds the checksums of MOSN itself', () => {
    const text = ownGoSum('a v1 h1:x=\n', { Dir: '', Sum: 'h1:y=', GoModSum: 'h1:z=' });
    const mosn = `mosn.io/mosn ${MOSN_VERSION}`;
    assert.equal(text, `a v1 h1:x=\n${mosn} h1:y=\n${mosn}/go.mod h1:z=\n`);
  });

  test('ownMain imports everything but one filter', () => {
    assert.equal(ownMain(MAIN), MAIN.replace('\t_ "mosn.io/mosn/pkg/filter/stream/seata"\n', ''));
  });

  /** Runs the program with a PATH that has nothing but the test's directory. */
  function build(): Promise<{ readonly code: unknown; readonly stderr: string }> {
    const script = join(import.meta.dirname, '../../../bench/peers/build-mosn.ts');
    const env = { PATH: directory };
    return new Promise((resolve) => {
      execFile(process.execPath, [script], { env }, (error, _stdout, stderr) => {
        resolve({ code: error?.code ?? 0, stderr });
      });
    });
  }

  test('says that there is no Go, and what a Go without a network says', async () => {
    assert.deepEqual(await build(), {
      code: 1,
      stderr: 'Go is not on PATH; install Go 1.18 or later\n',
    });
    const failing = `#!/bin/sh\necho '{"Error":"no such host"}'\nexit 1\n`;
    writeFileSync(join(directory, 'go'), failing, { mode: 0o755 });
    const { code, stderr } = await build();
    assert.equal(code, 1);
    assert.match(stderr, /^Cannot download MOSN v[\d.]+: go mod download .* no such host\. .*\n$/);
  });
});
