// HOT PATH. Gaps between the requests of users who know nothing of each other: exponentially
// distributed with mean 1 (a Poisson process), from a seed, so that every run offers the same ones.

const TWO_32 = 2 ** 32;

export class RandomGaps {
  #state: number;

  /** @param seed any integer */
  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** The next gap as a multiple of the mean one. */
  next(): number {
    // mulberry32; 1 - u is never 0.
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let word = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return -Math.log(1 - ((word ^ (word >>> 14)) >>> 0) / TWO_32);
  }
}
