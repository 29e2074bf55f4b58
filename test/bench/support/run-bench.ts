// Runs a suite of the benchmark as a user does and reads what it prints.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { BenchReport } from '#bench/report.ts';

/** LIMIT: a smoke run takes a few seconds; a busy machine may need more. */
const RUN_MS_MAX = 60_000;

const PROJECT = fileURLToPath(new URL('../../..', import.meta.url));

/** What a run printed, and how it ended. */
export interface BenchRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `npm run bench -- ARGV` without npm. */
export function runBench(...argv: readonly string[]): Promise<BenchRun> {
  return runScript('bench/main.ts', ...argv);
}

/** Runs a program of the bench. */
export function runScript(file: string, ...argv: readonly string[]): Promise<BenchRun> {
  return new Promise((resolve) => {
    const options = { cwd: PROJECT, timeout: RUN_MS_MAX };
    execFile(process.execPath, [file, ...argv], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, stdout, stderr });
    });
  });
}

/** The report of a run that must have gone well, its shape checked. */
export function reportOf(run: BenchRun, suite: string): BenchReport {
  assert.equal(run.code, 0, `${run.stdout}\n${run.stderr}`);
  const lines = run.stdout.trimEnd().split('\n');
  const report = JSON.parse(lines.at(-1) ?? '') as BenchReport;
  assert.equal(report.suite, suite);
  assert.match(report.machine, /^\d+ x ./);
  assert.equal(report.node, process.version);
  assert.equal(typeof report.native, 'boolean');
  assert.match(report.source, /dist|ts/);
  assert.ok(report.cases.length > 0);
  for (const entry of report.cases) {
    assert.equal(entry.wrong, 0, `${entry.name}: ${JSON.stringify(entry.problems)}`);
    assert.ok(Number.isInteger(entry.requests) && entry.requests > 0, `${entry.name} requests`);
    for (const figure of ['qps', 'p50Us', 'p99Us'] as const) {
      assert.ok(entry[figure] > 0, `${entry.name} ${figure} is ${entry[figure]}`);
    }
    assert.ok(entry.p99Us >= entry.p50Us, `${entry.name} percentiles`);
    // In a direct case there is no gateway whose CPU time could be told.
    if (process.platform === 'linux' && !entry.name.startsWith('direct-')) {
      assert.ok((entry.cpuUsPerRequest ?? 0) > 0, `${entry.name} CPU`);
      assert.ok((entry.rssMb ?? 0) > 1, `${entry.name} memory`);
    }
    // The table above the JSON line has the case too.
    assert.ok(lines.slice(0, -1).some((line) => line.startsWith(`${entry.name} `)));
  }
  for (const [name, value] of Object.entries(report.ratios)) {
    const isDifference = name.startsWith('added');
    assert.ok(isDifference ? Number.isFinite(value) : value > 0, name);
  }
  return report;
}
