// HOT PATH. One ring between two threads: one writes records of words, the other reads them.
//
//      read ─────▶ written            positions grow for ever; `position & mask` is a place
//   ┌───┬──────────────────┬───┐
//   │...│ record record rec│...│      a record: word 0 is its length << 8 | kind
//   └───┴──────────────────┴───┘      it never wraps: a record of kind 0 fills the end
//
// SAFETY: the writer stores its position after the words of a record, the reader stores its own
// after it is done with them, both by Atomics: each sees whole records only, and never writes what
// the other still reads. Positions that were read are older than the truth, never newer, so a ring
// looks at worst fuller to its writer and emptier to its reader than it is.

const KIND_BITS = 8;
const KIND_MASK = (1 << KIND_BITS) - 1;
const WRAP = 0;

/** Where a ring is in its memory. */
export interface RingPlace {
  /** First word, and number of words: a power of two. */
  readonly base: number;
  readonly size: number;
  /** Words of the two positions. */
  readonly written: number;
  readonly read: number;
}

/** Length of the record whose first word is `head`. Words. */
export function recordWords(head: number): number {
  return head >>> KIND_BITS;
}

export function recordKind(head: number): number {
  return head & KIND_MASK;
}

/** The writing end. */
export class RingWriter {
  readonly words: Int32Array;
  /** Position behind the last record, published or not. */
  position: number;
  readonly #place: RingPlace;
  readonly #mask: number;
  #published: number;
  #read: number;

  constructor(words: Int32Array, place: RingPlace) {
    this.words = words;
    this.#place = place;
    this.#mask = place.size - 1;
    this.position = this.#published = Atomics.load(words, place.written);
    this.#read = Atomics.load(words, place.read);
  }

  /** Words that were written and, as far as is known, not read. */
  get depth(): number {
    return (this.position - this.#read) | 0;
  }

  /** There are records that the reader has not been shown. */
  get hasUnpublished(): boolean {
    return this.position !== this.#published;
  }

  /** Learns how far the reader is. @returns its position */
  look(): number {
    this.#read = Atomics.load(this.words, this.#place.read);
    return this.#read;
  }

  /** Learns how far the reader is. @returns whether that is further than was known */
  hasNewRoom(): boolean {
    const before = this.#read;
    return this.look() !== before;
  }

  /** Is there room for a record of `count` words? */
  hasRoom(count: number): boolean {
    if (this.#fits(count)) return true;
    this.look();
    return this.#fits(count);
  }

  /**
   * Begins a record.
   *
   * @param count words of it, its first one included
   * @returns index in `words` of its first word, which is set; -1 when the ring is full
   */
  begin(kind: number, count: number): number {
    if (!this.hasRoom(count)) return -1;
    const toEnd = this.#place.size - (this.position & this.#mask);
    if (toEnd < count) {
      this.words[this.#place.base + (this.position & this.#mask)] = (toEnd << KIND_BITS) | WRAP;
      this.position = (this.position + toEnd) | 0;
    }
    const at = this.#place.base + (this.position & this.#mask);
    this.words[at] = (count << KIND_BITS) | kind;
    this.position = (this.position + count) | 0;
    return at;
  }

  /** Shows the reader everything written. */
  publish(): void {
    this.#published = this.position;
    Atomics.store(this.words, this.#place.written, this.position);
  }

  #fits(count: number): boolean {
    const { size } = this.#place;
    const toEnd = size - (this.position & this.#mask);
    const needed = toEnd < count ? toEnd + count : count;
    return this.depth + needed <= size;
  }
}

/** The reading end. */
export class RingReader {
  readonly words: Int32Array;
  /** Position behind the last record taken. */
  position: number;
  readonly #place: RingPlace;
  readonly #mask: number;
  #written: number;

  constructor(words: Int32Array, place: RingPlace) {
    this.words = words;
    this.#place = place;
    this.#mask = place.size - 1;
    this.position = Atomics.load(words, place.read);
    this.#written = this.position;
  }

  /** Learns what was written. @returns whether there is a record to take */
  look(): boolean {
    this.#written = Atomics.load(this.words, this.#place.written);
    return this.#written !== this.position;
  }

  /** Takes the next record that is known. @returns index of its first word; -1: there is none */
  next(): number {
    while (this.position !== this.#written) {
      const at = this.#place.base + (this.position & this.#mask);
      const head = this.words[at]!;
      this.position = (this.position + recordWords(head)) | 0;
      if (recordKind(head) !== WRAP) return at;
    }
    return -1;
  }

  /** Gives the memory of everything taken back to the writer. */
  release(): void {
    Atomics.store(this.words, this.#place.read, this.position);
  }
}
