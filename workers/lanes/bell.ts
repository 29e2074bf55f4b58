// Wakes the other side of a lane's memory, and lets this side sleep. A side that has nothing to do
// says so in its word and sleeps in its event loop; who writes for it rings once. Both look at each
// other's word after setting their own (Dekker), so that either the writer sees the sleeper or the
// sleeper sees what was written; and no word has two writers.
//
//   sleeper: store(sleeps, odd) ; look at the ring ; empty: sleep ; woken: store(sleeps, even)
//   writer:  store(written)     ; look at sleeps   ; odd and not rung for yet: ring

/** Words of one side by which it tells the other when to wake it. */
export interface SleepWords {
  readonly sleeps: number;
  readonly wantsRoom: number;
}

/** Rings for the other side when it sleeps. */
export class Doorbell {
  readonly #words: Int32Array;
  readonly #sleeps: number;
  readonly #wantsRoom: number;
  readonly #ring: () => void;
  /** The sleep that was rung for last. */
  #rung = 0;
  /** Times it was rung, for measurements. */
  count = 0;

  /** @param other words of the other side */
  constructor(words: Int32Array, other: SleepWords, ring: () => void) {
    this.#words = words;
    this.#sleeps = other.sleeps;
    this.#wantsRoom = other.wantsRoom;
    this.#ring = ring;
  }

  /** Call it after publishing. */
  wake(): void {
    const sleep = Atomics.load(this.#words, this.#sleeps);
    if ((sleep & 1) === 0 || sleep === this.#rung) return;
    this.#rung = sleep;
    this.count++;
    this.#ring();
  }

  /** Call it after giving memory back: the other side may be waiting for just that. */
  wakeForRoom(): void {
    if (Atomics.load(this.#words, this.#wantsRoom) === 1) this.wake();
  }
}

/** This side's sleep. */
export class Sleep {
  isAsleep = false;
  readonly #words: Int32Array;
  readonly #sleeps: number;
  readonly #wantsRoom: number;
  #number = 0;

  /** @param own words of this side */
  constructor(words: Int32Array, own: SleepWords) {
    this.#words = words;
    this.#sleeps = own.sleeps;
    this.#wantsRoom = own.wantsRoom;
    this.#number = Atomics.load(words, own.sleeps);
  }

  /**
   * Says that this side sleeps. The caller looks at its rings once more before it does.
   *
   * @param wantsRoom it has something to write that found no room
   */
  begin(wantsRoom: boolean): void {
    if (this.isAsleep) return;
    this.isAsleep = true;
    Atomics.store(this.#words, this.#wantsRoom, wantsRoom ? 1 : 0);
    this.#number = (this.#number + 1) | 0;
    Atomics.store(this.#words, this.#sleeps, this.#number);
  }

  end(): void {
    if (!this.isAsleep) return;
    this.isAsleep = false;
    this.#number = (this.#number + 1) | 0;
    Atomics.store(this.#words, this.#sleeps, this.#number);
  }
}
