// `bench report`: a page from the files of earlier runs, and what it refuses.

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { reportOf, runBench } from './support/run-bench.ts';
import { parsePage } from './support/well-formed.ts';

let directory: string;

describe('bench report', () => {
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'bench-report-'));
  });

  after(() => rm(directory, { recursive: true }));

  test('a run writes its page, and report makes one of several runs', async () => {
    const own = join(directory, 'own.html');
    const flags = ['codecs', '--smoke', '--case', 'mmtp *', '--html', own];
    const run = await runBench(...flags);
    const report = reportOf(run, 'codecs');
    const { date = '' } = report;
    assert.equal(report.command, `npm run bench -- ${flags.join(' ')}`);
    assert.ok(Math.abs(Date.parse(date) - Date.now()) < 60_000, date);
    const ownPage = await readFile(own, 'utf8');
    parsePage(ownPage);
    assert.ok(ownPage.includes('mmtp request'));

    const json = join(directory, 'one.json');
    const printed = join(directory, 'printed.txt');
    await writeFile(json, JSON.stringify({ ...report, suite: 'other' }));
    await writeFile(printed, run.stdout);
    const page = join(directory, 'both.html');
    const made = await runBench('report', '--json', json, printed, '--html', page);
    assert.equal(made.code, 0, made.stderr);
    const headings = parsePage(await readFile(page, 'utf8')).filter(({ name }) => name === 'h2');
    assert.deepEqual(
      headings.map(({ text }) => text),
      ['Suite other', 'Suite codecs'],
    );
  });

  test('refuses what is missing and what is no report with exit code 2', async () => {
    const nothing = await runBench('report');
    assert.equal(nothing.code, 2);
    assert.match(nothing.stderr, /--json: is missing/);
    assert.match(nothing.stderr, /--html: is missing/);
    const file = join(directory, 'other.json');
    await writeFile(file, '{"suite":"mmtp"}');
    const html = join(directory, 'never.html');
    const wrong = await runBench('report', '--json', file, '--html', html);
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /other\.json: is no report of a benchmark/);
    // JSON as an editor lays it out is JSON all the same.
    const laidOut = await runBench('report', '--json', 'package.json', '--html', html);
    assert.equal(laidOut.code, 2);
    assert.match(
      laidOut.stderr,
      /^package\.json: its last line is no JSON object; give .* one line/,
    );
    await assert.rejects(readFile(html));
    const printed = join(directory, 'printed.txt');
    const nowhere = join(directory, 'no', 'page.html');
    const lost = await runBench('report', '--json', printed, '--html', nowhere);
    assert.equal(lost.code, 2);
    assert.match(lost.stderr, /^--html: cannot write .+ \(there is no such directory\); .+\n$/);
  });
});
