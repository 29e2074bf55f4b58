// The report page: one file that needs no network, made of one or several reports, grouped by
// suite. It shows the figures of the JSON object as they are; nothing is computed here.

import { CASE_COLUMNS, type BenchCase, type BenchReport } from '../report.ts';
import { renderPlot } from './line-plot.ts';
import { element, lines, styleSheet, type Content, type Markup } from './markup.ts';
import { PAGE_STYLE } from './page-style.ts';
import { plotsOf } from './report-plots.ts';

const TITLE = 'Mesh gateway: benchmark report';

/** The page of `reports`, as text. */
export function renderPage(reports: readonly BenchReport[]): string {
  const suites = [...Map.groupBy(reports, ({ suite }) => suite)];
  const body = suites.flatMap(([suite, runs]) => [
    element('h2', { id: `suite-${slug(suite)}` }, `Suite ${suite}`),
    ...runs.map((run, index) => renderRun(run, `${slug(suite)}-${index + 1}`)),
  ]);
  const head = lines(
    element('meta', { charset: 'utf-8' }),
    element('meta', { name: 'viewport', content: 'width=device-width, initial-scale=1' }),
    element('title', {}, TITLE),
    styleSheet(PAGE_STYLE),
  );
  const main = element('main', {}, lines(element('h1', {}, TITLE), ...body));
  const html = element(
    'html',
    { lang: 'en' },
    element('head', {}, head),
    element('body', {}, main),
  );
  return `<!DOCTYPE html>\n${html.text}\n`;
}

/** Letters and digits of a name: all that an id may have. */
function slug(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9]+/g, '-');
}

function renderRun(report: BenchReport, id: string): Markup {
  const { cases, ratios, skipped, notes = [] } = report;
  const parts: Markup[] = [about(report), caseTable(cases)];
  if (Object.keys(ratios).length > 0) parts.push(ratioTable(ratios));
  if (notes.length > 0) parts.push(list('Notes', notes));
  const problems = cases.flatMap(({ name, problems = {} }) => {
    return Object.entries(problems).map(([text, count]) => `${name}: ${count} x ${text}`);
  });
  if (problems.length > 0) parts.push(list('What went wrong', problems));
  if (skipped.length > 0) {
    parts.push(
      list(
        'Not measured',
        skipped.map(({ name, reason }) => `${name}: ${reason}`),
      ),
    );
  }
  parts.push(...plotsOf(report, id).map(renderPlot));
  const measured = cases.filter(({ percentiles = [] }) => percentiles.length > 0);
  if (measured.length > 0) parts.push(percentileTable(measured));
  return element('section', { id }, lines(...parts));
}

function about({ machine, node, native, source, profile, date, command }: BenchReport): Markup {
  const facts: readonly (readonly [name: string, text: string])[] = [
    ['machine', machine],
    ['Node', node],
    ['native addon', native ? 'on' : 'off'],
    ['code of the gateway', source ?? 'not recorded'],
    ['profile', profile ?? 'none'],
    ['command', command ?? 'not recorded'],
    ['date', date ?? 'not recorded'],
  ];
  const rows = facts.flatMap(([name, text]) => [element('dt', {}, name), element('dd', {}, text)]);
  return element('dl', {}, ...rows);
}

/** Figures that have a column of their own, or are no figures of a whole case. */
const SHOWN_ELSEWHERE = new Set([
  'qps',
  'projectedQps',
  'p50Us',
  'p99Us',
  'cpuUsPerRequest',
  'nsPerRequest',
  'gatewayCores',
  'loadCores',
  'rssMb',
  'kibPerConnection',
  'wrong',
]);

function caseTable(cases: readonly BenchCase[]): Markup {
  const columns = CASE_COLUMNS.filter(({ text }) => cases.some((row) => text(row) !== '-'));
  // Whatever else a suite tells about its cases, such as the rate of an open loop.
  const others = new Set(cases.flatMap((entry) => Object.keys(entry)));
  const extra = [...others].filter((key) => {
    return !SHOWN_ELSEWHERE.has(key) && cases.some((entry) => numberAt(entry, key) !== null);
  });
  const rows = cases.map((entry) => {
    const known = columns.slice(1).map(({ text }) => text(entry));
    const more = extra.map((key) => numberAt(entry, key)?.toLocaleString('en-US') ?? '-');
    const cells = [...known, ...more].map((text) => element('td', {}, text));
    const attributes: Record<string, string> = { scope: 'row' };
    if (entry.wrong > 0) attributes['class'] = 'bad';
    return [element('th', attributes, entry.name), ...cells];
  });
  return table('Cases', [...columns.map(({ title }) => title), ...extra], rows);
}

function numberAt(entry: BenchCase, key: string): number | null {
  const value = (entry as unknown as Readonly<Record<string, unknown>>)[key];
  return typeof value === 'number' ? value : null;
}

function ratioTable(ratios: Readonly<Record<string, number>>): Markup {
  const rows = Object.entries(ratios).map(([name, value]) => [
    element('th', { scope: 'row' }, name),
    element('td', {}, value.toFixed(3)),
  ]);
  return table('Ratios: medians over interleaved rounds', ['ratio', 'value'], rows);
}

/** The figures behind the curves, for those who read numbers or do not see the plot. */
function percentileTable(cases: readonly BenchCase[]): Markup {
  const found = cases.flatMap(({ percentiles = [] }) => percentiles.map(([percent]) => percent));
  const percents = [...new Set(found)].toSorted((a, b) => a - b);
  const rows = cases.map(({ name, percentiles = [] }) => {
    const byPercent = new Map(percentiles);
    const cells = percents.map((percent) => {
      return element('td', {}, byPercent.get(percent)?.toLocaleString('en-US') ?? '-');
    });
    return [element('th', { scope: 'row' }, name), ...cells];
  });
  const titles = ['case', ...percents.map((percent) => `${percent} %`)];
  const figures = table('Response time in µs by percentile', titles, rows);
  return element('details', {}, element('summary', {}, 'Percentiles in numbers'), figures);
}

function table(
  caption: string,
  titles: readonly string[],
  rows: readonly (readonly Markup[])[],
): Markup {
  const head = titles.map((title) => element('th', { scope: 'col' }, title));
  const body = rows.map((cells) => element('tr', {}, ...cells));
  const whole = element(
    'table',
    {},
    lines(
      element('caption', {}, caption),
      element('thead', {}, element('tr', {}, ...head)),
      element('tbody', {}, lines(...body)),
    ),
  );
  return element('div', { class: 'scroll' }, whole);
}

function list(title: string, entries: readonly Content[]): Markup {
  const items = entries.map((entry) => element('li', {}, entry));
  return lines(element('h3', {}, title), element('ul', {}, ...items));
}
