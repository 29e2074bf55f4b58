// Axes of plots: from a value to its place between 0 and 1, and the values that get a label.

/** A labelled place on an axis. */
export interface Tick {
  readonly value: number;
  readonly label: string;
}

/** One axis. */
export interface Scale {
  readonly ticks: readonly Tick[];
  /** Place of `value`, 0..1; values outside the axis go to its ends. */
  at(value: number): number;
}

/** Steps of an axis that people read easily. */
const ROUND_STEPS = [1, 2, 5, 10];

/** About as many labels as fit. */
const TICKS_WANTED = 5;

/** LIMIT: an axis over more decades gets no labels between powers of ten. */
const FINE_DECADES_MAX = 2;

/** An axis from 0 to a round number not below `maximum`. */
export function linearScale(maximum: number): Scale {
  const most = maximum > 0 ? maximum : 1;
  const rough = most / TICKS_WANTED;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * (ROUND_STEPS.find((factor) => factor * power >= rough) ?? 10);
  const count = Math.ceil(most / step);
  const end = count * step;
  const ticks = Array.from({ length: count + 1 }, (_, index) => tick(index * step));
  return { ticks, at: (value) => clamp(value / end) };
}

/** A logarithmic axis of whole decades around `minimum` and `maximum`, both above 0. */
export function logScale(minimum: number, maximum: number): Scale {
  const first = Math.floor(Math.log10(minimum));
  const last = Math.max(first + 1, Math.ceil(Math.log10(maximum)));
  const factors = last - first <= FINE_DECADES_MAX ? [1, 2, 5] : [1];
  const ticks: Tick[] = [];
  for (let power = first; power < last; power++) {
    ticks.push(...factors.map((factor) => tick(factor * 10 ** power)));
  }
  ticks.push(tick(10 ** last));
  return { ticks, at: (value) => clamp((Math.log10(value) - first) / (last - first)) };
}

const PERCENTS = [0, 50, 90, 99, 99.9, 99.99, 99.999];

/**
 * Percentiles as HdrHistogram plots them: each nine takes the same room: the slow end shows.
 *
 * @param maximum largest percentile, below 100
 */
export function percentileScale(maximum: number): Scale {
  const nines = (percent: number) => -Math.log10(1 - percent / 100);
  const end = Math.max(1, nines(maximum));
  const shown = PERCENTS.filter((percent) => nines(percent) <= end + 1e-9);
  const ticks = shown.map((value) => ({ value, label: `${value} %` }));
  return { ticks, at: (value) => clamp(nines(value) / end) };
}

function tick(value: number): Tick {
  return { value, label: value.toLocaleString('en-US', { maximumSignificantDigits: 6 }) };
}

function clamp(place: number): number {
  return Math.min(1, Math.max(0, place));
}
