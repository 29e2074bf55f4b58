// The suite `filters` at smoke size, and every chain that it times: requests pass as they should,
// and one that does not is noticed.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createFilterRun, EMPTY_CHAIN, FULL_CHAIN, listChains } from '#bench/cases/filter-cases.ts';
import { Rig } from '#bench/rig/rig.ts';
import { listFilterCases } from '#bench/suites/filters.ts';
import { TypeScriptKernels } from '#core/codec/kernels.ts';
import { loadNative } from '#native/loader.ts';
import { reportOf, runBench } from '../support/run-bench.ts';

const SESSIONS = 40;

/** More than the sessions, so that each is used again. */
const BATCHES = 5;

/** Filters that every request of a default gateway meets. */
const DEFAULT_FILTERS = ['trace', 'session', 'limit', 'headers', 'timeout', 'resend', 'content'];

class RefusingKernels extends TypeScriptKernels {
  override verifyMac(): boolean {
    return false;
  }
}

describe('bench filters', () => {
  let rig: Rig;

  before(() => {
    rig = new Rig();
  });

  after(() => rig.close());

  test('times the whole chain with both kernels, and what a filter adds', async () => {
    const report = reportOf(await runBench('filters', '--smoke'), 'filters');
    const native = process.env['MGW_NATIVE'] !== 'off' && loadNative('auto').native;
    assert.deepEqual(
      report.cases.map(({ name }) => name),
      [
        ...(native ? ['chain-full-native'] : []),
        'chain-full-typescript',
        'chain-empty',
        'filter-limit',
      ],
    );
    assert.equal(report.native, native);
    assert.equal(report.skipped.length, native ? 0 : 1);
    const nsOf = (wanted: string): number =>
      report.cases.find(({ name }) => name === wanted)!.nsPerRequest!;
    assert.ok(nsOf('chain-full-typescript') > nsOf('chain-empty'));
    assert.ok(nsOf('filter-limit') < nsOf('chain-full-typescript'));
  });

  test('names each case once, kernels where they are used', async () => {
    const names = (await listFilterCases()).map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
    for (const name of ['filter-session-native', 'filter-session-typescript', 'filter-channel']) {
      assert.ok(names.includes(name), name);
    }
  });

  test('the whole chain holds every default filter, the empty one none', async () => {
    const options = { kernels: new TypeScriptKernels(), keysFile: rig.keysFile, sessions: 1 };
    const full = await createFilterRun({ ...options, chain: FULL_CHAIN });
    for (const name of DEFAULT_FILTERS) assert.ok(full.filters.includes(name), name);
    const empty = await createFilterRun({ ...options, chain: EMPTY_CHAIN });
    assert.deepEqual(empty.filters, []);
    full.close();
    empty.close();
  });

  test('every chain passes its requests, all counted', async () => {
    const kernels = new TypeScriptKernels();
    for (const chain of await listChains()) {
      const options = { chain, kernels, keysFile: rig.keysFile, sessions: SESSIONS };
      const run = await createFilterRun(options);
      run.stage.run(BATCHES);
      assert.ok(run.stage.requests > SESSIONS, chain);
      run.check();
      run.close();
    }
  });

  test('sessions that are refused make the check fail', async () => {
    const kernels = new RefusingKernels();
    const options = { chain: FULL_CHAIN, kernels, keysFile: rig.keysFile, sessions: SESSIONS };
    const run = await createFilterRun(options);
    run.stage.run(1);
    assert.throws(() => run.check(), /wrong/);
    run.close();
  });
});
