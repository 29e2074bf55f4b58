// Which plots a report gives: response times by percentile of every case that has them, and what
// became of the offered load where a series of cases offered different rates.

import type { BenchCase, BenchReport } from '../report.ts';
import { PLOT_LINES_MAX, type LinePlot, type PlotLine } from './line-plot.ts';
import { linearScale, logScale, percentileScale } from './scale.ts';

/** Two lines of each series: its median and its 99th percentile. */
const LATENCY_SERIES_MAX = PLOT_LINES_MAX / 2;

/** All plots of `report`. @param id begins the ids of the plots */
export function plotsOf({ cases }: BenchReport, id: string): readonly LinePlot[] {
  const curves = cases.map(percentileLine).filter(({ points }) => points.length > 1);
  const series = loadSeries(cases);
  const answered = series.map((entry) => lineOf(entry, entry.name, ({ qps }) => qps));
  return [
    ...chunks(curves, PLOT_LINES_MAX).map((part, index) => percentilePlot(part, `${id}-p${index}`)),
    ...chunks(answered, PLOT_LINES_MAX).map((part, index) => ratePlot(part, `${id}-q${index}`)),
    ...chunks(series, LATENCY_SERIES_MAX).map((part, index) =>
      latencyPlot(part, `${id}-l${index}`),
    ),
  ];
}

function percentilePlot(curves: readonly PlotLine[], id: string): LinePlot {
  const percents = curves.flatMap(({ points }) => points.map(([percent]) => percent));
  return {
    id,
    title: `Response time by percentile: ${span(curves)}.`,
    description: 'A point tells how long the fastest part of all requests took at most.',
    x: { label: 'percentile', scale: percentileScale(Math.max(...percents)) },
    y: { label: 'response time, µs', scale: logScale(...rangeOf(curves)) },
    lines: curves,
  };
}

/** No time is shorter than the resolution of the generators' clock. µs. */
const LEAST_US = 1;

function percentileLine({ name, percentiles = [] }: BenchCase): PlotLine {
  const finite = percentiles.filter(([percent]) => percent < 100);
  return { name, points: finite.map(([percent, us]) => [percent, Math.max(LEAST_US, us)]) };
}

interface LoadSeries {
  readonly name: string;
  readonly cases: readonly BenchCase[];
}

/** Cases by series, in the order of their rates; one rate alone makes no line. */
function loadSeries(cases: readonly BenchCase[]): readonly LoadSeries[] {
  const offered = cases.filter(({ rate }) => rate !== undefined);
  const groups = Map.groupBy(offered, seriesName);
  return [...groups]
    .filter(([, members]) => members.length > 1)
    .map(([name, members]) => ({ name, cases: members.toSorted((a, b) => rateOf(a) - rateOf(b)) }));
}

/** What a case says, else its name without the number at its end. */
function seriesName({ series, name }: BenchCase): string {
  return series ?? name.replace(/[-@ x]*\d[\d.,]*(k|%|rps)?$/, '');
}

function rateOf({ rate }: BenchCase): number {
  return rate ?? 0;
}

function lineOf(
  { cases }: LoadSeries,
  name: string,
  figure: (entry: BenchCase) => number,
): PlotLine {
  return { name, points: cases.map((entry) => [rateOf(entry), figure(entry)]) };
}

function ratePlot(answered: readonly PlotLine[], id: string): LinePlot {
  const rates = answered.flatMap(({ points }) => points.map(([rate]) => rate));
  const most = Math.max(...rates, ...answered.flatMap(({ points }) => points.map(([, y]) => y)));
  return {
    id,
    title: `Throughput by offered load: ${span(answered)}.`,
    description: 'A line leaves the diagonal where more is offered than can be answered.',
    x: { label: 'offered requests/s', scale: linearScale(most) },
    y: { label: 'answered requests/s', scale: linearScale(most) },
    lines: answered,
  };
}

function latencyPlot(series: readonly LoadSeries[], id: string): LinePlot {
  const drawn = series.flatMap((entry) => [
    lineOf(entry, `${entry.name} p50`, ({ p50Us }) => Math.max(LEAST_US, p50Us)),
    lineOf(entry, `${entry.name} p99`, ({ p99Us }) => Math.max(LEAST_US, p99Us)),
  ]);
  const rates = drawn.flatMap(({ points }) => points.map(([rate]) => rate));
  return {
    id,
    title: `Response time by offered load: ${span(series)}.`,
    description: 'Median and 99th percentile, counted from when a request was due.',
    x: { label: 'offered requests/s', scale: linearScale(Math.max(...rates)) },
    y: { label: 'response time, µs', scale: logScale(...rangeOf(drawn)) },
    lines: drawn,
  };
}

/** `first`, or `first to last`. */
function span(entries: readonly { readonly name: string }[]): string {
  const first = entries[0]?.name ?? '';
  return entries.length === 1 ? first : `${first} to ${entries.at(-1)?.name}`;
}

function rangeOf(drawn: readonly PlotLine[]): [minimum: number, maximum: number] {
  const values = drawn.flatMap(({ points }) => points.map(([, y]) => y));
  return [Math.min(...values), Math.max(...values)];
}

/** Parts of at most `most` entries, of about equal size. */
function chunks<T>(entries: readonly T[], most: number): readonly (readonly T[])[] {
  const count = Math.ceil(entries.length / most);
  const size = Math.ceil(entries.length / Math.max(1, count));
  return Array.from({ length: count }, (_, index) => {
    return entries.slice(index * size, (index + 1) * size);
  });
}
