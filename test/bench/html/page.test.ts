// The page of a fixed report: its numbers are those of the report, names cannot become markup, and
// nothing is fetched from anywhere.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { renderPage } from '#bench/html/page.ts';
import type { BenchCase, BenchReport, PercentileCurve } from '#bench/report.ts';
import { parsePage, type PageElement } from '../support/well-formed.ts';

const CURVE: PercentileCurve = [
  [0, 41],
  [50, 103],
  [99, 1207],
  [99.9, 8009],
];

function caseOf(name: string, change: Partial<BenchCase> = {}): BenchCase {
  return {
    name,
    requests: 123_457,
    qps: 41_152.333,
    p50Us: 103,
    p99Us: 1207,
    cpuUsPerRequest: 21.5,
    rssMb: 83.4,
    wrong: 0,
    ...change,
  };
}

function reportOf(change: Partial<BenchReport> = {}): BenchReport {
  return {
    suite: 'mmtp',
    machine: '2 x CPU <b>"fast" & \u001b[1mloud</b>',
    node: 'v26.10.0',
    native: true,
    source: 'dist',
    profile: 'latency',
    date: '2026-01-02T03:04:05.678Z',
    command: 'npm run bench -- mmtp --case <x>',
    cases: [caseOf('mmtp-1x1', { percentiles: CURVE }), caseOf('no-curve', { p50Us: 55 })],
    ratios: { cpuOverFloor: 1.875 },
    skipped: [{ name: 'nginx-16', reason: 'nginx is not installed' }],
    ...change,
  };
}

const named = (elements: readonly PageElement[], name: string) =>
  elements.filter((element) => element.name === name);

/** Rows of the table with this caption: the texts of their cells. */
function rowsOf(page: string, caption: string): readonly (readonly string[])[] {
  const elements = parsePage(page);
  const from = elements.findIndex(({ name, text }) => name === 'caption' && text === caption);
  assert.ok(from >= 0, `no table "${caption}"`);
  const rows: string[][] = [];
  for (const { name, text } of elements.slice(from + 1)) {
    if (name === 'table') break;
    if (name === 'tr') rows.push([]);
    if (name === 'th' || name === 'td') rows.at(-1)!.push(text);
  }
  return rows;
}

describe('renderPage', () => {
  test('shows the figures of the report and nothing else', () => {
    const page = renderPage([reportOf()]);
    const [head = [], first = [], second = []] = rowsOf(page, 'Cases');
    const cell = (row: readonly string[], title: string) => row[head.indexOf(title)];
    assert.equal(first[0], 'mmtp-1x1');
    assert.equal(cell(first, 'qps'), '41,152');
    assert.equal(cell(first, 'p99 µs'), '1207');
    assert.equal(cell(first, 'CPU µs/req'), '21.5');
    assert.equal(cell(first, 'requests'), '123,457');
    assert.equal(cell(second, 'p50 µs'), '55.0');
    assert.ok(!head.includes('load CPUs'), 'a column without figures');
    assert.deepEqual(rowsOf(page, 'Ratios: medians over interleaved rounds')[1], [
      'cpuOverFloor',
      '1.875',
    ]);
    const percentiles = rowsOf(page, 'Response time in µs by percentile');
    assert.deepEqual(percentiles[0], ['case', '0 %', '50 %', '99 %', '99.9 %']);
    assert.deepEqual(percentiles[1], ['mmtp-1x1', '41', '103', '1,207', '8,009']);
    assert.ok(page.includes('nginx-16: nginx is not installed'));
  });

  test('says where, with what and when, and escapes what a machine is called', () => {
    const page = renderPage([reportOf()]);
    const texts = named(parsePage(page), 'dd').map(({ text }) => text);
    assert.deepEqual(texts, [
      '2 x CPU <b>"fast" & \ufffd[1mloud</b>',
      'v26.10.0',
      'on',
      'dist',
      'latency',
      'npm run bench -- mmtp --case <x>',
      '2026-01-02T03:04:05.678Z',
    ]);
    assert.ok(!page.includes('<b>'));
  });

  test('needs nothing from outside and runs no script', () => {
    const page = renderPage([reportOf(), reportOf({ suite: 'http' })]);
    const elements = parsePage(page);
    assert.doesNotMatch(page, /https?:|url\(|@import|src=|href=/);
    assert.deepEqual(named(elements, 'script'), []);
    assert.match(page, /prefers-color-scheme: dark/);
  });

  test('draws a point for each percentile, labelled with its value', () => {
    const elements = parsePage(renderPage([reportOf()]));
    assert.equal(named(elements, 'figure').length, 1);
    const titles = named(elements, 'title').map(({ text }) => text);
    for (const [percent, us] of CURVE) {
      const label = `mmtp-1x1: percentile ${percent}, response time, µs ${us}`;
      assert.ok(titles.includes(label), label);
    }
    const circles = named(elements, 'circle').map(({ attributes }) => ({
      x: Number(attributes.get('cx')),
      y: Number(attributes.get('cy')),
    }));
    assert.equal(circles.length, CURVE.length);
    for (const [index, { x, y }] of circles.entries()) {
      assert.ok(x >= 0 && x <= 760 && y >= 0 && y <= 380, `${x} ${y}`);
      // Later percentiles stand further right and, being slower, higher.
      const before = circles[index - 1];
      assert.ok(before === undefined || (x > before.x && y < before.y));
    }
  });

  test('every plot has a title and a text for those who do not see it', () => {
    const elements = parsePage(renderPage([reportOf()]));
    const ids = new Map(elements.map((element) => [element.attributes.get('id'), element]));
    const plots = named(elements, 'svg').filter(({ attributes }) => attributes.has('role'));
    assert.equal(plots.length, 1);
    for (const { attributes } of plots) {
      for (const id of attributes.get('aria-labelledby')!.split(' ')) {
        assert.ok((ids.get(id)?.text ?? '').length > 10, id);
      }
    }
  });

  test('draws throughput and response time by offered load, one line a series', () => {
    const at = (rate: number, qps: number, p99Us: number, change: Partial<BenchCase> = {}) =>
      caseOf(`lanes-inline-${rate}`, { rate, qps, p99Us, ...change });
    const cases = [
      at(20_000, 15_500, 90_000),
      at(10_000, 9990, 400),
      caseOf('pool at ten', { rate: 10_000, series: 'pool', qps: 9999 }),
      caseOf('pool at twenty', { rate: 20_000, series: 'pool', qps: 19_998 }),
      // A rate alone is no line.
      caseOf('mmtp-bolt-16x1-half', { rate: 5000 }),
    ];
    const elements = parsePage(renderPage([reportOf({ cases })]));
    const captions = named(elements, 'strong').map(({ text }) => text);
    assert.deepEqual(captions, [
      'Throughput by offered load: lanes-inline to pool.',
      'Response time by offered load: lanes-inline to pool.',
    ]);
    const titles = named(elements, 'title').map(({ text }) => text);
    const rated = 'offered requests/s 20000, answered requests/s';
    assert.ok(titles.includes(`lanes-inline: ${rated} 15500`));
    assert.ok(titles.includes(`pool: ${rated} 19998`));
    const timed = 'lanes-inline p99: offered requests/s 20000, response time, µs 90000';
    assert.ok(titles.includes(timed));
    // In the order of the rates, whatever the order of the cases.
    const inline = titles.filter((title) => title.startsWith('lanes-inline: offered'));
    assert.match(inline[0]!, /offered requests\/s 10000/);
  });

  test('groups runs by suite and splits many cases over plots', () => {
    const cases = Array.from({ length: 13 }, (_, index) =>
      caseOf(`case ${index}`, { percentiles: CURVE }),
    );
    const page = renderPage([
      reportOf({ cases }),
      reportOf({ suite: 'http' }),
      reportOf({ date: '2026-02-02T00:00:00.000Z' }),
    ]);
    const elements = parsePage(page);
    const suites = named(elements, 'h2').map(({ text }) => text);
    assert.deepEqual(suites, ['Suite mmtp', 'Suite http']);
    assert.equal(named(elements, 'section').length, 3);
    assert.equal(named(elements, 'figure').length, 3 + 1 + 1);
  });

  test('marks cases with wrong answers and says what was wrong', () => {
    const cases = [caseOf('bad', { wrong: 3, problems: { 'wrong <body>': 3 } })];
    const elements = parsePage(renderPage([reportOf({ cases })]));
    const marked = elements.filter(({ attributes }) => attributes.get('class') === 'bad');
    assert.deepEqual(
      marked.map(({ text }) => text),
      ['bad'],
    );
    assert.ok(named(elements, 'li').some(({ text }) => text === 'bad: 3 x wrong <body>'));
  });
});
