// HOT PATH. A growable byte buffer that encoders append to: reserve, then write in place.
// Invariant: `length <= bytes.length`. Who owns the buffer decides when it is flushed or dropped.

import { LARGEST_BUFFER_BYTES, SMALLEST_BUFFER_BYTES, SpareBuffers } from './spare-buffers.ts';

const EMPTY = Buffer.alloc(0);

/** Native copy, which needs no view and, unlike `set`, is as fast out of shared memory. */
const { copy } = Buffer.prototype;

/** Below this a byte loop beats a native copy. */
const SHORT_COPY_BYTES = 24;

/** Append-only byte buffer; memory is borrowed on the first write and grows by doubling. */
export class OutBuffer {
  bytes: Buffer = EMPTY;
  length = 0;
  readonly #spare: SpareBuffers;
  /** What the next first write borrows: follows the sizes of the last flushes. */
  #expectedBytes = SMALLEST_BUFFER_BYTES;

  /** @param spare where memory comes from and returns to; one of its own when left out */
  constructor(spare: SpareBuffers = new SpareBuffers()) {
    this.#spare = spare;
  }

  /**
   * Makes room for `count` bytes and returns the offset to write them at. `bytes` may be another
   * object afterwards: read it again after every reserve.
   */
  reserve(count: number): number {
    const offset = this.length;
    const needed = offset + count;
    if (needed > this.bytes.length) this.#grow(needed);
    this.length = needed;
    return offset;
  }

  /** Appends `source[offset, offset + length)`. */
  append(source: Uint8Array, offset: number, length: number): void {
    const at = this.reserve(length);
    const bytes = this.bytes;
    if (length < SHORT_COPY_BYTES) {
      for (let i = 0; i < length; i++) bytes[at + i] = source[offset + i]!;
      return;
    }
    copy.call(source as Buffer, bytes, at, offset, offset + length);
  }

  /** Appends text as Latin-1; the caller knows it has no character above U+00FF. */
  appendLatin1(text: string): void {
    const at = this.reserve(text.length);
    this.bytes.latin1Write(text, at, text.length);
  }

  /** Hands the written bytes over and starts afresh. */
  take(): Buffer {
    const taken = this.bytes.subarray(0, this.length);
    const halved = this.#expectedBytes >>> 1;
    this.#expectedBytes = Math.min(LARGEST_BUFFER_BYTES, Math.max(halved, this.bytes.length));
    if (this.length <= halved && halved >= SMALLEST_BUFFER_BYTES) this.#expectedBytes = halved;
    this.bytes = EMPTY;
    this.length = 0;
    return taken;
  }

  /** Forgets the content and gives the memory back. */
  release(): void {
    if (this.bytes.length > 0) this.#spare.give(this.bytes);
    this.length = 0;
    this.bytes = EMPTY;
  }

  #grow(needed: number): void {
    const previous = this.bytes;
    const grown = this.#spare.take(Math.max(needed, previous.length * 2, this.#expectedBytes));
    if (this.length > 0) previous.copy(grown, 0, 0, this.length);
    if (previous.length > 0) this.#spare.give(previous);
    this.bytes = grown;
  }
}
