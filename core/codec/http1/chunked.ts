// HOT PATH. The chunked coding (RFC 9112 section 7.1), decoded in place: chunk data is told as
// ranges of the caller's bytes, never copied. Strict, and resumable at every byte.
//
//   1a;name=value CRLF  <data> CRLF  ...  0 CRLF  name: value CRLF  ...  CRLF
//
// Invariant: everything that was looked at is consumed; what must be remembered of it is in the
// decoder. Trailers are checked, counted and dropped: none of them reaches a service or a client.

import { DecodeStatus } from '../../base/decode-status.ts';
import { CR, COLON, HEX_VALUE, HT, IS_TOKEN, IS_VALUE, LF, NOT_HEX, SP } from './char-classes.ts';
import { HeaderId, HEADER_NAMES, recogniseHeader } from './known-headers.ts';
import { describeReason, MalformedReason } from './malformed-reason.ts';
import type { HttpLimits } from './types.ts';

const R = MalformedReason;

const State = {
  sizeStart: 0,
  size: 1,
  extensionStart: 2,
  extensionName: 3,
  extensionValueStart: 4,
  extensionToken: 5,
  extensionQuoted: 6,
  extensionEscaped: 7,
  extensionClosed: 8,
  sizeLf: 9,
  dataCr: 10,
  dataLf: 11,
  trailerStart: 12,
  trailerName: 13,
  trailerValue: 14,
  trailerLf: 15,
  endLf: 16,
  data: 17,
  done: 18,
  failed: 19,
} as const;

const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** A trailer name is kept as far as it can matter: to the longest name that is forbidden there. */
const NAME_BYTES_KEPT = HEADER_NAMES[HeaderId.transferEncoding]!.length + 1;

/** Decodes one chunked body after the other; call {@link ChunkedDecoder.reset} before each. */
export class ChunkedDecoder {
  /** Bytes the last call has dealt with, from its `start` on. */
  consumed = 0;
  /** The data range of the last call: a part of its bytes. Length 0: the call found none. */
  dataOffset = 0;
  dataLength = 0;
  /** The body is complete; bytes behind `consumed` belong to the next message. */
  isDone = false;
  /** Body bytes of this message so far. */
  bodyBytes = 0;
  malformedReason: number = R.none;

  readonly #limits: HttpLimits;
  readonly #name = Buffer.alloc(NAME_BYTES_KEPT);
  #state: number = State.sizeStart;
  #failure: DecodeStatus = DecodeStatus.malformed;
  /** Size of the chunk while its line is read, then bytes of it that have not come yet. */
  #chunkBytes = 0;
  #lineBytes = 0;
  #extensionBytes = 0;
  #trailerBytes = 0;
  #nameLength = 0;

  constructor(limits: HttpLimits) {
    this.#limits = limits;
  }

  /** Back to the start of a body. */
  reset(): void {
    this.consumed = 0;
    this.dataOffset = this.dataLength = 0;
    this.isDone = false;
    this.bodyBytes = 0;
    this.malformedReason = R.none;
    this.#state = State.sizeStart;
    this.#failure = DecodeStatus.malformed;
    this.#chunkBytes = 0;
    this.#lineBytes = this.#extensionBytes = 0;
    this.#trailerBytes = this.#nameLength = 0;
  }

  /**
   * Decodes until the next piece of data, the end of the body or the end of the bytes.
   *
   * Always go on at `start + consumed`, after `needMore` too: unlike a head, the framing bytes of
   * a body need not be presented again.
   *
   * @returns `ok`: `dataLength` bytes at `dataOffset`, or the end (`isDone`); `needMore`: all bytes
   *   are consumed; `malformed` or `tooLarge` with `malformedReason`, at the byte that decides it
   */
  next(bytes: Buffer, start: number, end: number): DecodeStatus {
    this.dataLength = 0;
    let at = start;
    while (at < end && this.#state < State.data) this.#step(bytes[at++]!);
    if (this.#state === State.data && at < end) {
      this.dataOffset = at;
      this.dataLength = Math.min(this.#chunkBytes, end - at);
      this.bodyBytes += this.dataLength;
      this.#chunkBytes -= this.dataLength;
      if (this.#chunkBytes === 0) this.#state = State.dataCr;
      at += this.dataLength;
    }
    this.consumed = at - start;
    if (this.#state === State.failed) return this.#failure;
    return this.dataLength > 0 || this.isDone ? DecodeStatus.ok : DecodeStatus.needMore;
  }

  /** Why the body was refused, for logs. */
  describeReason(): string {
    return describeReason(this.malformedReason);
  }

  #fail(reason: number, status: DecodeStatus = DecodeStatus.malformed): void {
    this.#state = State.failed;
    this.#failure = status;
    this.malformedReason = reason;
  }

  #step(byte: number): void {
    const state = this.#state;
    if (state <= State.size) this.#size(byte);
    else if (state <= State.extensionClosed) this.#extension(byte);
    else if (state <= State.dataLf) this.#lineEnd(byte);
    else this.#trailer(byte);
  }

  #size(byte: number): void {
    const digit = HEX_VALUE[byte]!;
    if (digit !== NOT_HEX) {
      this.#state = State.size;
      this.#chunkBytes = this.#chunkBytes * 16 + digit;
      if (this.#chunkBytes > this.#limits.bodyBytesMax - this.bodyBytes) {
        this.#fail(R.bodyTooLong, DecodeStatus.tooLarge);
      } else {
        this.#countLine();
      }
      return;
    }
    if (this.#state === State.sizeStart) this.#fail(byte === LF ? R.bareLf : R.chunkSize);
    else this.#endPart(byte, R.chunkSize);
  }

  /** What may follow a size or an extension: another extension or the end of the line. */
  #endPart(byte: number, reason: number): void {
    if (byte === CR) {
      this.#state = State.sizeLf;
    } else if (byte === SEMICOLON) {
      this.#state = State.extensionStart;
      this.#countExtension();
    } else {
      this.#fail(byte === LF ? R.bareLf : reason);
    }
  }

  /** chunk-ext = *( ";" name [ "=" ( token / quoted-string ) ] ), without white space around. */
  #extension(byte: number): void {
    const isToken = IS_TOKEN[byte] === 1;
    switch (this.#state) {
      case State.extensionStart:
        if (!isToken) return this.#fail(R.chunkExtension);
        this.#state = State.extensionName;
        break;
      case State.extensionName:
        if (byte === EQUALS) this.#state = State.extensionValueStart;
        else if (!isToken) return this.#endPart(byte, R.chunkExtension);
        break;
      case State.extensionValueStart:
        if (byte === QUOTE) this.#state = State.extensionQuoted;
        else if (isToken) this.#state = State.extensionToken;
        else return this.#fail(R.chunkExtension);
        break;
      case State.extensionToken:
        if (!isToken) return this.#endPart(byte, R.chunkExtension);
        break;
      case State.extensionQuoted:
        if (byte === QUOTE) this.#state = State.extensionClosed;
        else if (byte === BACKSLASH) this.#state = State.extensionEscaped;
        else if (IS_VALUE[byte] !== 1) return this.#fail(R.chunkExtension);
        break;
      case State.extensionEscaped:
        if (IS_VALUE[byte] !== 1) return this.#fail(R.chunkExtension);
        this.#state = State.extensionQuoted;
        break;
      default:
        return this.#endPart(byte, R.chunkExtension);
    }
    this.#countExtension();
  }

  #countLine(): void {
    if (++this.#lineBytes > this.#limits.chunkLineBytesMax) {
      this.#fail(R.chunkLineTooLong, DecodeStatus.tooLarge);
    }
  }

  /** LIMIT: extensions of all chunks count together, or one byte of data could cost a long line. */
  #countExtension(): void {
    if (++this.#extensionBytes > this.#limits.chunkLineBytesMax) {
      this.#fail(R.chunkLineTooLong, DecodeStatus.tooLarge);
    } else {
      this.#countLine();
    }
  }

  #lineEnd(byte: number): void {
    switch (this.#state) {
      case State.sizeLf:
        if (byte !== LF) return this.#fail(R.bareCr);
        this.#lineBytes = 0;
        this.#state = this.#chunkBytes > 0 ? State.data : State.trailerStart;
        return;
      case State.dataCr:
        if (byte !== CR) return this.#fail(byte === LF ? R.bareLf : R.chunkEnd);
        this.#state = State.dataLf;
        return;
      default:
        if (byte !== LF) return this.#fail(R.bareCr);
        this.#state = State.sizeStart;
    }
  }

  #trailer(byte: number): void {
    switch (this.#state) {
      case State.trailerStart:
        if (byte === CR) {
          this.#state = State.endLf;
          return;
        }
        this.#nameLength = 0;
        this.#state = State.trailerName;
        this.#trailerName(byte);
        break;
      case State.trailerName:
        this.#trailerName(byte);
        break;
      case State.trailerValue:
        if (byte === CR) this.#state = State.trailerLf;
        else if (IS_VALUE[byte] !== 1) return this.#fail(byte === LF ? R.bareLf : R.trailer);
        break;
      case State.trailerLf:
        if (byte !== LF) return this.#fail(R.bareCr);
        this.#state = State.trailerStart;
        break;
      default:
        if (byte !== LF) return this.#fail(R.bareCr);
        this.#state = State.done;
        this.isDone = true;
        return;
    }
    if (this.#state === State.failed) return;
    if (++this.#trailerBytes > this.#limits.trailerBytesMax) {
      this.#fail(R.trailersTooLong, DecodeStatus.tooLarge);
    }
  }

  #trailerName(byte: number): void {
    if (IS_TOKEN[byte] === 1) {
      if (this.#nameLength < NAME_BYTES_KEPT) this.#name[this.#nameLength] = byte;
      this.#nameLength++;
    } else if (byte !== COLON || this.#nameLength === 0) {
      this.#fail(refusedName(byte, this.#nameLength));
    } else if (this.#nameLength < NAME_BYTES_KEPT && this.#isForbidden()) {
      this.#fail(R.trailerForbidden);
    } else {
      this.#state = State.trailerValue;
    }
  }

  /** Framing and routing must be known before the body (RFC 9110 section 6.5.1). */
  #isForbidden(): boolean {
    const id = recogniseHeader(this.#name, 0, this.#nameLength);
    return (
      id === HeaderId.contentLength || id === HeaderId.transferEncoding || id === HeaderId.host
    );
  }
}

function refusedName(byte: number, nameLength: number): number {
  if (byte === LF) return R.bareLf;
  if (byte !== SP && byte !== HT) return R.trailer;
  return nameLength === 0 ? R.foldedLine : R.spaceBeforeColon;
}
