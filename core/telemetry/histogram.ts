// HOT PATH. Latency histogram of one writer: recording is a table lookup, a division and an add.
//
// Buckets are linear inside segments whose ends follow 1-2-5, so that every segment end is a round
// number and the cumulative counts exported there are exact:
//
//   (0, 50]    (50, 100]   (100, 200]   (200, 500]   (500, 1000]   (1 ms, 2 ms] ...  (100 s, 200 s]
//   step 5 µs  step 5 µs   step 10 µs   step 20 µs   step 50 µs    step 100 µs       step 10 s
//
// Above 50 µs no bucket is wider than a tenth of its lower bound: read at its middle, a quantile is
// at most 5 % off; below, at most 2.5 µs. Upper bounds belong to the bucket, as Prometheus has it.

/** Ends of the segments in µs, ascending: the bounds that are exported. */
export const EXPORT_BOUNDS_US: readonly number[] = [
  50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000,
  1_000_000, 2_000_000, 5_000_000, 10_000_000, 20_000_000, 50_000_000, 100_000_000, 200_000_000,
];

const SEGMENTS = EXPORT_BOUNDS_US.length;
const LARGEST_US = EXPORT_BOUNDS_US[SEGMENTS - 1]!;

const SEGMENT_END = Int32Array.from(EXPORT_BOUNDS_US);
const SEGMENT_START = Int32Array.from(EXPORT_BOUNDS_US, (_, i) => EXPORT_BOUNDS_US[i - 1] ?? 0);
/** A tenth of the segment's start; the first segment goes by 5 µs. */
const SEGMENT_STEP = SEGMENT_START.map((start) => (start === 0 ? 5 : start / 10));
/** Index of the segment's first bucket; one past the last segment: the overflow bucket. */
const SEGMENT_FIRST = new Int32Array(SEGMENTS + 1);
for (let s = 0; s < SEGMENTS; s++) {
  const buckets = (SEGMENT_END[s]! - SEGMENT_START[s]!) / SEGMENT_STEP[s]!;
  SEGMENT_FIRST[s + 1] = SEGMENT_FIRST[s]! + buckets;
}
const OVERFLOW = SEGMENT_FIRST[SEGMENTS]!;
const BUCKETS = OVERFLOW + 1;

/**
 * By the number of leading zeros of n: the segment of the smallest such n. Ends are at least a
 * factor of two apart, so no octave meets more than two segments and one comparison settles it.
 */
const SEGMENT_BY_ZEROS = Uint8Array.from({ length: 33 }, (_, zeros) => {
  const smallest = zeros === 32 ? 0 : 2 ** (31 - zeros);
  const segment = EXPORT_BOUNDS_US.findIndex((end) => smallest < end);
  return segment < 0 ? SEGMENTS - 1 : segment;
});

const NO_COUNTS = new Float64Array(0);

/** Distribution of durations. Its memory (2 KB) is allocated by the first record. */
export class LatencyHistogram {
  count = 0;
  sumUs = 0;
  maxUs = 0;
  #counts = NO_COUNTS;

  /** Counts one duration in µs; what is not above 0 counts as 0, fractions are kept in the sum. */
  record(us: number): void {
    if (this.#counts.length === 0) this.#counts = new Float64Array(BUCKETS);
    const value = us > 0 ? us : 0;
    const index = bucketIndex(value);
    this.#counts[index] = this.#counts[index]! + 1;
    this.count++;
    this.sumUs += value;
    if (value > this.maxUs) this.maxUs = value;
  }

  /** Everything as plain data; what it holds is not copied. Cold path. */
  toData(): HistogramData {
    return { count: this.count, sumUs: this.sumUs, maxUs: this.maxUs, counts: this.#counts };
  }

  /** Adds everything that `other` holds. */
  merge(other: LatencyHistogram): void {
    this.add(other.toData());
  }

  /** Adds what another histogram, maybe of another thread, gave by `toData`. */
  add(other: HistogramData): void {
    if (other.count === 0) return;
    if (this.#counts.length === 0) this.#counts = new Float64Array(BUCKETS);
    const from = other.counts;
    for (let i = 0; i < BUCKETS; i++) this.#counts[i] = this.#counts[i]! + from[i]!;
    this.count += other.count;
    this.sumUs += other.sumUs;
    if (other.maxUs > this.maxUs) this.maxUs = other.maxUs;
  }

  /**
   * The duration that a share `q` of the records does not exceed.
   *
   * @param q 0..1
   * @returns µs, within 5 % (2.5 µs below 50 µs); 0 while empty; the exact maximum for the last one
   */
  quantile(q: number): number {
    if (this.count === 0) return 0;
    const rank = Math.max(1, Math.ceil(q * this.count));
    if (rank >= this.count) return this.maxUs;
    let seen = 0;
    let index = -1;
    while (seen < rank) seen += this.#counts[++index]!;
    return Math.min(bucketMiddle(index), this.maxUs);
  }

  /**
   * Writes, for every bound of {@link EXPORT_BOUNDS_US}, how many records do not exceed it.
   *
   * @param target at least as long as the list of bounds
   */
  cumulative(target: Float64Array): void {
    let seen = 0;
    for (let s = 0; s < SEGMENTS; s++) {
      if (this.count > 0) {
        for (let i = SEGMENT_FIRST[s]!; i < SEGMENT_FIRST[s + 1]!; i++) seen += this.#counts[i]!;
      }
      target[s] = seen;
    }
  }

  /** Count, mean, quantiles and maximum in whole µs. Cold path. */
  summary(): LatencySummary {
    return {
      count: this.count,
      meanUs: this.count === 0 ? 0 : Math.round(this.sumUs / this.count),
      p50Us: Math.round(this.quantile(0.5)),
      p90Us: Math.round(this.quantile(0.9)),
      p99Us: Math.round(this.quantile(0.99)),
      p999Us: Math.round(this.quantile(0.999)),
      maxUs: Math.round(this.maxUs),
    };
  }
}

/** A histogram as plain data. */
export interface HistogramData {
  readonly count: number;
  readonly sumUs: number;
  readonly maxUs: number;
  /** By bucket; empty while nothing was recorded. */
  readonly counts: Float64Array;
}

/** A histogram in seven numbers. */
export interface LatencySummary {
  readonly count: number;
  readonly meanUs: number;
  readonly p50Us: number;
  readonly p90Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly maxUs: number;
}

/** Bucket of a duration >= 0: the one with lower < us <= upper. */
function bucketIndex(us: number): number {
  if (us > LARGEST_US) return OVERFLOW;
  // us <= bound exactly when ceil(us) - 1 < bound, for whole bounds.
  const n = us > 0 ? Math.ceil(us) - 1 : 0;
  let segment = SEGMENT_BY_ZEROS[Math.clz32(n)]!;
  if (n >= SEGMENT_END[segment]!) segment++;
  const inSegment = ((n - SEGMENT_START[segment]!) / SEGMENT_STEP[segment]!) | 0;
  return SEGMENT_FIRST[segment]! + inSegment;
}

function bucketMiddle(index: number): number {
  if (index >= OVERFLOW) return Infinity;
  let segment = 0;
  while (index >= SEGMENT_FIRST[segment + 1]!) segment++;
  const inSegment = index - SEGMENT_FIRST[segment]!;
  return SEGMENT_START[segment]! + (inSegment + 0.5) * SEGMENT_STEP[segment]!;
}
