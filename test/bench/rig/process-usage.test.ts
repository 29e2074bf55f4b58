// Reading CPU time from /proc, and CPU lists.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { chooseGroups, findProgram, parseCpuList } from '#bench/rig/cores.ts';
import { parseStat, readUsage, sumUsage, usageBetween } from '#bench/rig/process-usage.ts';

const isLinux = process.platform === 'linux';

describe('process usage', () => {
  test('parseStat reads user and system ticks behind a name with spaces and brackets', () => {
    const stat = '77 (odd) name (x)) S 1 77 77 0 -1 4194560 9 0 0 0 250 50 7 8 20 0 11 0 99 1 2';
    assert.deepEqual(parseStat(stat), { name: 'odd) name (x)', cpuUs: 3_000_000 });
  });

  test('readUsage sees the work of this process', { skip: !isLinux && 'needs /proc' }, () => {
    const before = readUsage(process.pid)!;
    const endMs = performance.now() + 100;
    while (performance.now() < endMs);
    const used = usageBetween(before, readUsage(process.pid))!;
    // A busy machine takes some of the 100 ms away, and ticks are 10 ms.
    assert.ok(used.cpuUs >= 20_000 && used.cpuUs < 2_000_000, String(used.cpuUs));
    assert.ok(used.rssMb > 10);
    assert.ok(used.threads.some(({ id }) => id === process.pid));
  });

  test('readUsage answers null for a process that is not there', () => {
    assert.equal(readUsage(2 ** 30), null);
    assert.equal(usageBetween(null, null), null);
  });

  test('sumUsage takes two processes as one, and none when one is gone', () => {
    const thread = (id: number, cpuUs: number) => ({ id, name: 'n', cpuUs });
    const one = { cpuUs: 5, rssMb: 10, threads: [thread(1, 5)] };
    const two = { cpuUs: 7, rssMb: 20, threads: [thread(2, 7)] };
    const threads = [thread(1, 5), thread(2, 7)];
    assert.deepEqual(sumUsage(one, two), { cpuUs: 12, rssMb: 30, threads });
    assert.equal(sumUsage(one, null), null);
    assert.equal(sumUsage(null, two), null);
  });

  test('parseCpuList reads ranges', () => {
    assert.deepEqual(parseCpuList('0-2,5,8-9'), [0, 1, 2, 5, 8, 9]);
    assert.deepEqual(parseCpuList('3'), [3]);
    assert.deepEqual(parseCpuList(''), []);
  });

  test('chooseGroups leaves CPUs to load and service, or none to anybody alone', (t) => {
    assert.equal(chooseGroups(undefined, [0, 1]), null);
    assert.equal(chooseGroups('shared', [0, 1, 2, 3]), null);
    if (findProgram('taskset') === null) return t.skip('no taskset');
    assert.deepEqual(chooseGroups('apart', [0, 1]), { gateway: [0], rest: [1] });
    assert.deepEqual(chooseGroups(undefined, [0, 1, 2, 5]), { gateway: [0, 1], rest: [2, 5] });
    const many = chooseGroups(undefined, [0, 1, 2, 3, 4, 5, 6]);
    assert.deepEqual(many, { gateway: [0, 1, 2], rest: [3, 4, 5, 6] });
  });
});
