// `--workers auto` follows what the process may use: quota and affinity, not the machine.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { cpuQuota, laneCount, lanesFor } from '#workers/worker-count.ts';

const TASKSET = '/usr/bin/taskset';

function files(contents: Readonly<Record<string, string>>): (path: string) => string | null {
  return (path) => contents[path] ?? null;
}

describe('worker count', () => {
  test('a number is what it says', () => {
    assert.deepEqual([laneCount(0), laneCount(3)], [0, 3]);
  });

  test('one lane for each CPU beyond the acceptor, none for a part of one, eight at most', () => {
    const cases = [0.5, 1, 1.5, 2, 2.1, 4, 64].map(lanesFor);
    assert.deepEqual(cases, [0, 0, 1, 1, 2, 3, 8]);
  });

  test('quotas of both versions of control groups', () => {
    assert.equal(cpuQuota(files({ '/sys/fs/cgroup/cpu.max': '150000 100000\n' })), 1.5);
    assert.equal(cpuQuota(files({ '/sys/fs/cgroup/cpu.max': 'max 100000\n' })), Infinity);
    const v1 = (quota: string): number => {
      return cpuQuota(
        files({
          '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': quota,
          '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
        }),
      );
    };
    assert.equal(v1('200000\n'), 2);
    assert.equal(v1('-1\n'), Infinity);
    assert.equal(cpuQuota(files({})), Infinity);
    assert.equal(cpuQuota(files({ '/sys/fs/cgroup/cpu.max': 'nonsense' })), Infinity);
  });

  const why = existsSync(TASKSET) ? false : 'taskset is not installed';
  test('a process that is bound to one CPU gets no lane', { skip: why }, () => {
    const file = fileURLToPath(new URL('../../workers/worker-count.ts', import.meta.url));
    const program = `import { laneCount } from ${JSON.stringify(file)};
      process.stdout.write(String(laneCount('auto')));`;
    const argv = ['-c', '0', process.execPath, '--input-type=module', '-e', program];
    assert.equal(execFileSync(TASKSET, argv, { encoding: 'utf8' }), '0');
  });
});
