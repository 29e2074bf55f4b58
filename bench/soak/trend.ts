// What became of a figure over a run: its median in the first and in the last quarter, the slope of
// the line that fits best, and for resident memory the medians of equal parts of the run: a
// figure that rises and levels off has the same slope as one that goes on rising.

import { median, rounded } from '../report.ts';

/** One look at the gateway. */
export interface SoakSample {
  /** Since the window began. Ms. */
  readonly atMs: number;
  readonly rssMb: number;
  readonly heapMb: number;
  readonly fds: number;
  /** Client connections. */
  readonly connections: number;
}

/** The figures of a soak besides those of every case. */
export interface SoakFigures {
  readonly samples: number;
  readonly rssFirstMb: number;
  readonly rssLastMb: number;
  readonly rssMbPerHour: number;
  /** Medians of {@link PARTS} parts of the run, in order. */
  readonly rssPartsMb: readonly number[];
  readonly heapFirstMb: number;
  readonly heapLastMb: number;
  readonly heapMbPerHour: number;
  readonly fdsFirst: number;
  readonly fdsLast: number;
  readonly connectionsFirst: number;
  readonly connectionsLast: number;
  /** Acts of the traffic that ended as they should, by name. */
  readonly acts: Readonly<Record<string, number>>;
}

const MS_PER_HOUR = 3_600_000;

/** Five minutes each in a run of an hour. */
export const PARTS = 12;

/** Medians of the first and the last quarter of `values`; of all when there are few. */
export function quarters(values: readonly number[]): { first: number; last: number } {
  const count = Math.max(1, Math.ceil(values.length / 4));
  return {
    first: rounded(median(values.slice(0, count))),
    last: rounded(median(values.slice(-count))),
  };
}

/** Medians of `count` stretches of `values`, about equally long; fewer of fewer values. */
export function parts(values: readonly number[], count: number): readonly number[] {
  const found = Math.min(count, values.length);
  const start = (index: number) => Math.floor((index * values.length) / found);
  return Array.from({ length: found }, (_, index) =>
    rounded(median(values.slice(start(index), start(index + 1)))),
  );
}

/** Slope of the least-squares line through points, in units of y per unit of x; 0 of one point. */
export function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (index: 0 | 1) =>
    points.reduce((sum, point) => sum + point[index], 0) / points.length;
  const [meanX, meanY] = [mean(0), mean(1)];
  let above = 0;
  let below = 0;
  for (const [x, y] of points) {
    above += (x - meanX) * (y - meanY);
    below += (x - meanX) ** 2;
  }
  return below === 0 ? 0 : above / below;
}

/** Sums up the samples of a run. */
export function figuresOf(
  samples: readonly SoakSample[],
  acts: Readonly<Record<string, number>>,
): SoakFigures {
  const rss = quarters(samples.map(({ rssMb }) => rssMb));
  const heap = quarters(samples.map(({ heapMb }) => heapMb));
  const fds = quarters(samples.map((sample) => sample.fds));
  const connections = quarters(samples.map((sample) => sample.connections));
  const perHour = (value: (sample: SoakSample) => number) =>
    rounded(slope(samples.map((sample) => [sample.atMs, value(sample)])) * MS_PER_HOUR);
  return {
    samples: samples.length,
    rssFirstMb: rss.first,
    rssLastMb: rss.last,
    rssMbPerHour: perHour(({ rssMb }) => rssMb),
    rssPartsMb: parts(
      samples.map(({ rssMb }) => rssMb),
      PARTS,
    ),
    heapFirstMb: heap.first,
    heapLastMb: heap.last,
    heapMbPerHour: perHour(({ heapMb }) => heapMb),
    fdsFirst: fds.first,
    fdsLast: fds.last,
    connectionsFirst: connections.first,
    connectionsLast: connections.last,
    acts,
  };
}
