// What incomplete input may take of a thread's memory, wherever it is kept, and who goes when it
// takes more: the client connections that have held the same incomplete unit for longest, not those
// that send next.

/** What limits the memory of input. */
export interface InputLimits {
  /** Incomplete input of all client connections of the thread together. Bytes. */
  readonly inputTotalBytesMax: number;
}

/** A connection that can be closed because its peer does not end what it began. */
export interface SlowSender {
  /** Closes it; what it keeps is no longer counted. */
  giveUpInput(): void;
}

/** Kept input of all client connections of one thread. */
export class InputBudget {
  readonly #bytesMax: number;
  /** Memory that waits for the rest of a unit. Bytes. */
  keptBytes = 0;
  /** Who keeps something, by the time of the last unit that was used: the slowest is first. */
  readonly #keepers = new Set<SlowSender>();

  constructor(limits: InputLimits) {
    this.#bytesMax = limits.inputTotalBytesMax;
  }

  /**
   * `sender` keeps `change` bytes more than before. Closes connections until the total is kept.
   *
   * @param isLast it has used something since: it goes behind all others
   */
  kept(sender: SlowSender, change: number, isLast: boolean): void {
    this.keptBytes += change;
    if (isLast) this.#keepers.delete(sender);
    this.#keepers.add(sender);
    if (this.keptBytes > this.#bytesMax) this.#closeSlowest();
  }

  /** `sender` keeps nothing any more, or is gone. @param bytes what it kept */
  freed(sender: SlowSender, bytes: number): void {
    this.keptBytes -= bytes;
    this.#keepers.delete(sender);
  }

  #closeSlowest(): void {
    for (const slowest of this.#keepers) {
      if (this.keptBytes <= this.#bytesMax) return;
      slowest.giveUpInput();
    }
  }
}
