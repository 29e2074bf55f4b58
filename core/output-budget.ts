// What output queued in sockets may take of a thread's memory, and who goes when it takes more: the
// connections whose peers read nothing, not those that happen to write next.

/** What limits the memory of queued output. */
export interface OutputLimits {
  /** One client connection with more queued than this is closed: its peer does not read. Bytes. */
  readonly outputBytesMax: number;
  /** All connections of the thread together; beyond it the congested ones are closed. Bytes. */
  readonly outputTotalBytesMax: number;
}

/** A connection that can be closed because its peer does not read. */
export interface SlowReader {
  /** Closes it; what it has queued is no longer counted. */
  giveUp(): void;
}

/** Queued output of all connections of one thread. */
export class OutputBudget {
  readonly limits: OutputLimits;
  /** Handed to sockets and not yet taken by the kernel. Bytes. */
  queuedBytes = 0;
  /** In the order in which they became congested: who has taken nothing for longest is first. */
  readonly #congested = new Set<SlowReader>();

  constructor(limits: OutputLimits) {
    this.limits = limits;
  }

  /** `reader` does not keep up. Closes connections until the total is kept. */
  congested(reader: SlowReader): void {
    this.#congested.add(reader);
    for (const slowest of this.#congested) {
      if (this.queuedBytes <= this.limits.outputTotalBytesMax) return;
      slowest.giveUp();
    }
  }

  /** `reader` has taken everything, or is gone. */
  relieved(reader: SlowReader): void {
    this.#congested.delete(reader);
  }
}
