// HOT PATH. A growable byte buffer that encoders append to: reserve, then write in place.
// Invariant: `length <= bytes.length`. Who owns the buffer decides when it is flushed or dropped.

/** Buffers larger than this are not kept after a flush: one large answer must not pin memory. */
const KEEP_BYTES_MAX = 256 * 1024;

/** Append-only byte buffer with doubling growth. */
export class OutBuffer {
  bytes: Buffer;
  length = 0;
  readonly #initialBytes: number;

  /** @param initialBytes first capacity in bytes; nothing is allocated before the first write */
  constructor(initialBytes: number) {
    this.#initialBytes = initialBytes;
    this.bytes = EMPTY;
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
    if (length < SHORT_COPY_BYTES) {
      const bytes = this.bytes;
      for (let i = 0; i < length; i++) bytes[at + i] = source[offset + i]!;
      return;
    }
    if (offset === 0 && length === source.length) this.bytes.set(source, at);
    else this.bytes.set(source.subarray(offset, offset + length), at);
  }

  /** Appends text as Latin-1; the caller knows it has no character above U+00FF. */
  appendLatin1(text: string): void {
    const at = this.reserve(text.length);
    this.bytes.latin1Write(text, at, text.length);
  }

  /** Hands the written bytes over and starts afresh: the receiver owns them from now on. */
  take(): Buffer {
    const taken = this.bytes.subarray(0, this.length);
    this.bytes = EMPTY;
    this.length = 0;
    return taken;
  }

  /** Forgets the content and keeps the memory unless it grew large. */
  clear(): void {
    this.length = 0;
    if (this.bytes.length > KEEP_BYTES_MAX) this.bytes = EMPTY;
  }

  /** Forgets the content and frees the memory, for connections that went idle. */
  release(): void {
    this.length = 0;
    this.bytes = EMPTY;
  }

  #grow(needed: number): void {
    let capacity = Math.max(this.bytes.length * 2, this.#initialBytes);
    while (capacity < needed) capacity *= 2;
    const grown = Buffer.allocUnsafeSlow(capacity);
    if (this.length > 0) grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }
}

/** Below this a byte loop beats a view and a native copy. PERF: micro case `copy`. */
const SHORT_COPY_BYTES = 24;

const EMPTY = Buffer.alloc(0);
