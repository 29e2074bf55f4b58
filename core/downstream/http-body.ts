// Request bodies that do not come in one piece with their head: chunked ones are gathered, bounded,
// in memory of their own; unwanted ones are read over, so that the connection can be kept.
// Invariant: the transport knows how much memory an incomplete body has, and of no other.

import { DecodeStatus } from '#core/base/decode-status.ts';
import { Errors, type GatewayError } from '#core/base/errors.ts';
import type { Transport } from '#core/base/network.ts';
import { ChunkedDecoder } from '#core/codec/http1/chunked.ts';
import type { HttpLimits } from '#core/codec/http1/types.ts';

/** LIMIT: bytes of an unwanted body that are read to keep the connection; beyond it is closed. */
export const DISCARD_BYTES_MAX = 256 * 1024;

/** First capacity of a gathered body that comes in small pieces. */
const GATHERED_BYTES_MIN = 4096;

const EMPTY = Buffer.alloc(0);

/** Length of a body that ends with its last chunk. */
export const CHUNKED_LENGTH = -1;

/** Reads the bodies of one connection, one after the other. */
export class HttpBodyReader {
  /** The body, or what was to be read over, is through. */
  isDone = false;
  /** Why the body cannot be read on; null as long as it can. */
  error: GatewayError | null = null;
  readonly #chunked: ChunkedDecoder;
  readonly #bodyBytesMax: number;
  readonly #transport: Transport;
  /** The body so far is `gathered[0, gatheredBytes)`. */
  #gathered: Buffer = EMPTY;
  #gatheredBytes = 0;
  /** Bytes to read over; {@link CHUNKED_LENGTH} for a chunked body. */
  #bytesLeft = 0;
  #discardedBytes = 0;

  constructor(limits: HttpLimits, transport: Transport) {
    this.#chunked = new ChunkedDecoder(limits);
    this.#bodyBytesMax = limits.bodyBytesMax;
    this.#transport = transport;
  }

  /** A chunked body follows. */
  startChunked(): void {
    this.#chunked.reset();
    this.isDone = false;
    this.error = null;
  }

  /** Gathers the next part of a chunked body. @returns bytes used */
  gather(bytes: Buffer, start: number, end: number): number {
    const chunked = this.#chunked;
    const used = this.#nextChunk(bytes, start, end);
    if (this.error === null && chunked.dataLength > 0) {
      this.#append(bytes, chunked.dataOffset, chunked.dataLength);
    }
    return used;
  }

  /** Hands the gathered body over. */
  take(): Buffer {
    const body = this.#gathered.subarray(0, this.#gatheredBytes);
    this.release();
    return body;
  }

  /**
   * What follows is not wanted.
   *
   * @param length bytes of it, or {@link CHUNKED_LENGTH} for the rest of the chunked body at hand
   */
  startDiscard(length: number): void {
    this.release();
    this.#bytesLeft = length;
    this.#discardedBytes = 0;
    this.isDone = false;
    this.error = null;
  }

  /** Reads over the next part. Too much of it is an error as well. @returns bytes used */
  discard(bytes: Buffer, start: number, end: number): number {
    let used: number;
    if (this.#bytesLeft === CHUNKED_LENGTH) {
      used = this.#nextChunk(bytes, start, end);
    } else {
      used = Math.min(end - start, this.#bytesLeft);
      this.#bytesLeft -= used;
      this.isDone = this.#bytesLeft === 0;
    }
    this.#discardedBytes += used;
    if (this.#discardedBytes > DISCARD_BYTES_MAX) this.error ??= Errors.framingTooLarge;
    return used;
  }

  /** Lets go of what was gathered. */
  release(): void {
    if (this.#gathered.length === 0) return;
    this.#gathered = EMPTY;
    this.#gatheredBytes = 0;
    this.#transport.holdInput(0);
  }

  /** The decoder bounds it: it refuses what is larger than a body may be. */
  #append(source: Buffer, offset: number, length: number): void {
    const needed = this.#gatheredBytes + length;
    if (needed > this.#gathered.length) {
      const doubled = Math.min(this.#gathered.length * 2, this.#bodyBytesMax);
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, doubled, GATHERED_BYTES_MIN));
      this.#gathered.copy(grown, 0, 0, this.#gatheredBytes);
      this.#gathered = grown;
      this.#transport.holdInput(grown.length);
    }
    source.copy(this.#gathered, this.#gatheredBytes, offset, offset + length);
    this.#gatheredBytes = needed;
  }

  #nextChunk(bytes: Buffer, start: number, end: number): number {
    const chunked = this.#chunked;
    const status = chunked.next(bytes, start, end);
    if (status > DecodeStatus.needMore) {
      this.error = status === DecodeStatus.tooLarge ? Errors.framingTooLarge : Errors.framingBroken;
      return end - start;
    }
    this.isDone = chunked.isDone;
    return chunked.consumed;
  }
}
