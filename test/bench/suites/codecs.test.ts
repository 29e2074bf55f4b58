// The suite `codecs` at smoke size, and the corpus that it times.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CORPUS } from '#bench/corpus.ts';
import { PlainKernels } from '#native/codec-kernels.ts';
import { nativeKernels, skipNative } from '#test/native/support/forms.ts';
import { reportOf, runBench } from '../support/run-bench.ts';

const KERNELS = CORPUS.filter(({ prepareOver }) => prepareOver !== undefined);

/** Answers right to what is timed, and wrong to something else. */
class WrongKernels extends PlainKernels {
  override verifyMac(): boolean {
    return true;
  }

  override crc32(bytes: Buffer, offset: number, length: number): number {
    return super.crc32(bytes, offset, length) + (length > 1000 ? 1 : 0);
  }

  override gunzip(bytes: Buffer, offset: number, length: number, bytesMax: number): Buffer {
    return super.gunzip(bytes, offset, length, bytesMax) ?? Buffer.alloc(0);
  }
}

describe('bench codecs', () => {
  const hasNative = skipNative === false && process.env['MGW_NATIVE'] !== 'off';

  test('times every case of the corpus, kernels in both forms', async () => {
    const report = reportOf(await runBench('codecs', '--smoke'), 'codecs');
    const isTimed = (name: string) => hasNative || !name.endsWith(' native');
    assert.deepEqual(
      report.cases.map(({ name }) => name),
      CORPUS.flatMap((entry) => {
        const { name } = entry;
        return KERNELS.includes(entry) ? [name, `${name} native`] : [name];
      }).filter(isTimed),
    );
    assert.ok(report.ratios['sessionLegacyOverCold']! > 1);
    assert.equal(report.native, hasNative);
    for (const { name } of KERNELS) {
      assert.equal(`nativeOverTypeScript ${name}` in report.ratios, hasNative, name);
    }
  });

  test('skips the native form with a reason where there is none', async () => {
    const before = process.env['MGW_NATIVE'];
    process.env['MGW_NATIVE'] = 'off';
    try {
      const report = reportOf(await runBench('codecs', '--smoke', '--case', 'mac*'), 'codecs');
      assert.deepEqual(
        report.cases.map(({ name }) => name),
        ['mac', 'mac signed', 'mac batch of 16'],
      );
      const skipped = report.cases.map(({ name }) => `${name} native`);
      const reason = 'MGW_NATIVE is off';
      assert.deepEqual(
        report.skipped,
        skipped.map((name) => ({ name, reason })),
      );
      assert.deepEqual([report.native, report.ratios], [false, {}]);
    } finally {
      if (before === undefined) delete process.env['MGW_NATIVE'];
      else process.env['MGW_NATIVE'] = before;
    }
  });

  for (const { name, prepareOver } of KERNELS) {
    test(`"${name}" has the same answers in native form`, { skip: skipNative }, () => {
      const operation = prepareOver!(nativeKernels);
      const first = operation();
      for (let i = 0; i < 100; i++) assert.equal(operation(), first);
    });
  }

  for (const name of ['mac', 'crc32', 'gunzip']) {
    test(`"${name}" refuses a form with other answers`, () => {
      const { prepareOver } = KERNELS.find((entry) => entry.name === name)!;
      assert.throws(() => prepareOver!(new WrongKernels()), /answers differ/);
      prepareOver!(new PlainKernels());
    });
  }

  test('CORPUS names each case once', () => {
    assert.equal(new Set(CORPUS.map(({ name }) => name)).size, CORPUS.length);
  });

  for (const { name, prepare } of CORPUS) {
    test(`"${name}" gives the same right answer each time`, () => {
      const operation = prepare();
      const first = operation();
      assert.ok(first > 0);
      for (let i = 0; i < 100; i++) assert.equal(operation(), first);
    });
  }
});
