// HOT PATH. A token bucket that several threads take from without a lock and never beyond its rate:
// GCRA with its one number, the time at which the bucket would be full again, in a word of shared
// memory that is changed by compare-and-exchange.
//
// Time is counted in ticks, a power of two of which make up the interval of one token, so that
// taking a token adds a whole number and nothing is lost to rounding however many are taken. A word
// holds the time modulo 2^32 ticks. SAFETY: a time that lies further ahead than the bucket reaches
// is one of the past, as long as no bucket is left alone for 2^31 ticks: `freshen` sees to that.

/** Int32 words of one bucket: the time, and how often it was empty. */
export const BUCKET_WORDS = 2;

/** Ticks of one interval, unless the burst is large: 4096, so that rounding hides no thousandth. */
const TICK_BITS_MAX = 12;

/** LIMIT: ticks that a bucket may reach ahead, so that the sign of a difference has a meaning. */
const WINDOW_BITS_MAX = 29;

/** LIMIT: tokens of the largest bucket. */
export const BURST_MAX = 1 << WINDOW_BITS_MAX;

/** One rate limit of one API. */
export class TokenBucket {
  readonly #words: Int32Array;
  readonly #index: number;
  readonly #ticksPerMs: number;
  readonly #intervalTicks: number;
  readonly #windowTicks: number;

  /**
   * @param words memory that all threads use for this bucket
   * @param index first of its {@link BUCKET_WORDS}; {@link TokenBucket.fill} them before first use
   * @param qps tokens per second in the long run, above 0
   * @param burst tokens that the bucket holds, 1..{@link BURST_MAX}; a part of one never comes
   */
  constructor(words: Int32Array, index: number, qps: number, burst: number) {
    const tokens = Math.max(1, Math.min(BURST_MAX, Math.floor(burst)));
    const tokenBits = 32 - Math.clz32(tokens - 1);
    const tickBits = Math.max(0, Math.min(TICK_BITS_MAX, WINDOW_BITS_MAX - tokenBits));
    this.#words = words;
    this.#index = index;
    this.#intervalTicks = 1 << tickBits;
    this.#ticksPerMs = (this.#intervalTicks * qps) / 1000;
    this.#windowTicks = tokens * this.#intervalTicks;
  }

  /** Requests that found the bucket empty. */
  get limited(): number {
    return Atomics.load(this.#words, this.#index + 1) >>> 0;
  }

  /** The bucket must be freshened at least this often. Ms. */
  get freshenMs(): number {
    return BURST_MAX / this.#ticksPerMs;
  }

  /**
   * Takes one token.
   *
   * @param nowMs monotonic ms, of the same clock on all threads
   * @returns false when the bucket is empty; nothing is taken then
   */
  tryTake(nowMs: number): boolean {
    const words = this.#words;
    const index = this.#index;
    const now = Math.round(nowMs * this.#ticksPerMs) | 0;
    for (;;) {
      const fullAt = Atomics.load(words, index);
      const next = (this.#isAhead(fullAt, now) ? fullAt : now) + this.#intervalTicks;
      // A request that comes just as its token does gets it: times are rounded to ticks.
      if (((next - now) | 0) > this.#windowTicks + 1) {
        Atomics.add(words, index + 1, 1);
        return false;
      }
      // SAFETY: who loses the exchange saw a token that another thread took, and looks again.
      if (Atomics.compareExchange(words, index, fullAt, next | 0) === fullAt) return true;
    }
  }

  /** Tokens that are missing from the bucket, a part of one included. */
  usedTokens(nowMs: number): number {
    const now = Math.round(nowMs * this.#ticksPerMs) | 0;
    const fullAt = Atomics.load(this.#words, this.#index);
    return this.#isAhead(fullAt, now) ? ((fullAt - now) | 0) / this.#intervalTicks : 0;
  }

  /** Makes the bucket a new one, from which `usedTokens` have been taken. */
  fill(nowMs: number, usedTokens = 0): void {
    const usedTicks = Math.min(this.#windowTicks, Math.round(usedTokens * this.#intervalTicks));
    const fullAt = Math.round(nowMs * this.#ticksPerMs) + usedTicks;
    Atomics.store(this.#words, this.#index, fullAt | 0);
    Atomics.store(this.#words, this.#index + 1, 0);
  }

  /** Moves the time of a bucket that is full to now, before it is so old that it looks new. */
  freshen(nowMs: number): void {
    const now = Math.round(nowMs * this.#ticksPerMs) | 0;
    const fullAt = Atomics.load(this.#words, this.#index);
    if (!this.#isAhead(fullAt, now)) {
      Atomics.compareExchange(this.#words, this.#index, fullAt, now);
    }
  }

  #isAhead(fullAt: number, now: number): boolean {
    const ahead = (fullAt - now) | 0;
    return ahead > 0 && ahead <= this.#windowTicks + 1;
  }
}
