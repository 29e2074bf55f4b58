// HOT PATH. Answers on their way out of a lane: those of open exchanges by index, written to the
// ring with their bytes in the lane's arena. What finds no room waits on the heap, in order, and
// while anything waits the lane takes no request.
// LIMIT: what waits is bounded: beyond WAITING_BYTES_MAX the lane's services are not read.

import type { Exchange } from '#core/pipeline/exchange.ts';
import type { SlotArena, Slot } from '#core/slot-arena.ts';
import type { Doorbell } from './bell.ts';
import { RESPONSE_RING, ResponseKind } from './layout.ts';
import type { PeerPlace } from './peer-table.ts';
import { SlotReferences } from './references.ts';
import { ExchangeWord } from './request-words.ts';
import {
  markAssembled,
  ResponseWord,
  responseWords,
  textsOf,
  writeResponse,
} from './response-words.ts';
import { RingWriter } from './ring.ts';
import { Spill } from './spill.ts';

/** LIMIT: bytes of a streamed answer that the client has not taken. */
const STREAM_WINDOW_BYTES = 256 * 1024;

/** Bytes of one piece of an answer. */
const PIECE_BYTES = 64 * 1024;

/** Pieces below this are gathered until the turn ends. Bytes. */
const SMALL_PIECE_BYTES = 1024;

/** Room for gathered pieces. Bytes. */
const GATHERED_BYTES_MAX = 16 * 1024;

/** Slots kept for copies. */
const SPILL_SLOTS = 4;

/** LIMIT: bytes of answers that wait for room before services have to wait. */
const WAITING_BYTES_MAX = 4 * 1024 * 1024;

/** What a record that waits takes besides its bytes, about. */
const WAITING_ENTRY_BYTES = 256;

/** Words of records that carry no answer. */
const SHORT_WORDS = 5;

const NO_BYTES = Buffer.alloc(0);

/** Something that waits for room. */
interface Waiting {
  readonly kind: number;
  /** The record, without its first word; offsets count from the beginning of `bytes`. */
  readonly words: Int32Array;
  /** What the record is about. */
  readonly bytes: Buffer;
  /** Bytes that went ahead in parts. */
  sent: number;
}

export class AnswerWriter {
  bell: Doorbell | null = null;
  readonly #arena: SlotArena;
  readonly #spill: Spill;
  readonly #writer: RingWriter;
  readonly #references: SlotReferences;
  readonly #onWritten: () => void;
  readonly #exchanges: (Exchange | null)[] = [];
  readonly #serials: number[] = [];
  /** Bytes of a streamed answer that are on their way, by index. */
  readonly #untaken: number[] = [];
  readonly #waiting: Waiting[] = [];
  #textsAt = 0;
  readonly #onCrowded: (isCrowded: boolean) => void;
  #waitingBytes = 0;
  #isCrowded = false;
  /** Small pieces of one answer, one behind the other: a service may send byte by byte. */
  readonly #gathered = Buffer.allocUnsafeSlow(GATHERED_BYTES_MAX);
  #gatheredBytes = 0;
  #gatheredIndex = 0;
  #gatheredSerial = 0;

  /**
   * @param onWritten something was written, to be published at the end of this turn
   * @param onCrowded much waits (true), or little again (false)
   */
  constructor(
    words: Int32Array,
    arena: SlotArena,
    onWritten: () => void,
    onCrowded: (isCrowded: boolean) => void,
  ) {
    this.#arena = arena;
    this.#spill = new Spill(arena, SPILL_SLOTS);
    this.#writer = new RingWriter(words, RESPONSE_RING);
    this.#references = new SlotReferences(arena);
    this.#onWritten = onWritten;
    this.#onCrowded = onCrowded;
  }

  /** Answers wait for room. */
  get isBlocked(): boolean {
    return this.#waiting.length > 0;
  }

  /** Room for what waits has come. */
  hasNewRoom(): boolean {
    return this.#writer.hasNewRoom();
  }

  opened(index: number, serial: number, exchange: Exchange): void {
    this.#exchanges[index] = exchange;
    this.#serials[index] = serial;
    this.#untaken[index] = 0;
  }

  /** The open exchange that the acceptor means; null: it has ended. */
  find(index: number, serial: number): Exchange | null {
    return this.#serials[index] === serial ? (this.#exchanges[index] ?? null) : null;
  }

  forget(index: number): void {
    this.#exchanges[index] = null;
  }

  reply(exchange: Exchange): void {
    this.#answer(ResponseKind.reply, exchange);
    this.forget(exchange.streamId);
  }

  head(exchange: Exchange): void {
    this.#answer(ResponseKind.head, exchange);
  }

  /** Sends a part of a streamed body. @returns false: no more until the client has taken some */
  pieces(exchange: Exchange, bytes: Buffer, offset: number, length: number): boolean {
    const index = exchange.streamId;
    this.#untaken[index] = this.#untaken[index]! + length;
    if (length < SMALL_PIECE_BYTES) {
      this.#gather(index, bytes, offset, length);
    } else {
      this.#writeGathered();
      const serial = this.#serials[index]!;
      for (let sent = 0; sent < length; sent += PIECE_BYTES) {
        const count = Math.min(PIECE_BYTES, length - sent);
        this.#piece(index, serial, bytes, offset + sent, count);
      }
    }
    return this.#untaken[index]! < STREAM_WINDOW_BYTES;
  }

  #gather(index: number, bytes: Buffer, offset: number, length: number): void {
    const serial = this.#serials[index]!;
    const isOther = index !== this.#gatheredIndex || serial !== this.#gatheredSerial;
    if (isOther || this.#gatheredBytes + length > GATHERED_BYTES_MAX) this.#writeGathered();
    this.#gatheredIndex = index;
    this.#gatheredSerial = serial;
    bytes.copy(this.#gathered, this.#gatheredBytes, offset, offset + length);
    this.#gatheredBytes += length;
    this.#onWritten();
  }

  /** Before any other record is written, so that all keep their order. */
  #writeGathered(): void {
    const length = this.#gatheredBytes;
    if (length === 0) return;
    this.#gatheredBytes = 0;
    this.#piece(this.#gatheredIndex, this.#gatheredSerial, this.#gathered, 0, length);
  }

  /** The client has taken `bytes`. @returns whether the answer may go on after a stop */
  taken(index: number, bytes: number): boolean {
    const before = this.#untaken[index]!;
    this.#untaken[index] = before - bytes;
    return before >= STREAM_WINDOW_BYTES && before - bytes < STREAM_WINDOW_BYTES;
  }

  end(exchange: Exchange, isComplete: boolean): void {
    const index = exchange.streamId;
    this.#short(ResponseKind.end, index, this.#serials[index]!, isComplete ? 1 : 0);
    this.forget(index);
  }

  pause({ index, serial }: PeerPlace, isPaused: boolean): void {
    this.#short(isPaused ? ResponseKind.pause : ResponseKind.resume, index, serial, 0);
  }

  /** Shows the acceptor what was written, and frees what it has read. */
  publish(): void {
    this.#references.release(this.#writer.look());
    this.#writeGathered();
    if (this.#waiting.length > 0) this.#writeWaiting();
    if (!this.#writer.hasUnpublished) return;
    this.#writer.publish();
    this.bell?.wake();
  }

  #writeWaiting(): void {
    const waiting = this.#waiting;
    let done = 0;
    while (done < waiting.length && this.#tryWriteWaiting(waiting[done]!)) {
      this.#waitingBytes -= waiting[done]!.bytes.length + WAITING_ENTRY_BYTES;
      done++;
    }
    waiting.splice(0, done);
    if (!this.#isCrowded || this.#waitingBytes > WAITING_BYTES_MAX / 2) return;
    this.#isCrowded = false;
    this.#onCrowded(false);
  }

  #wait(entry: Waiting): void {
    this.#waiting.push(entry);
    this.#waitingBytes += entry.bytes.length + WAITING_ENTRY_BYTES;
    if (this.#isCrowded || this.#waitingBytes <= WAITING_BYTES_MAX) return;
    this.#isCrowded = true;
    this.#onCrowded(true);
  }

  #answer(kind: number, exchange: Exchange): void {
    this.#writeGathered();
    const { response } = exchange;
    const texts = textsOf(response);
    const words = responseWords(exchange);
    this.#onWritten();
    if (this.isBlocked || !this.#writer.hasRoom(words) || !this.#tryPlace(exchange, texts.length)) {
      this.#park(kind, exchange, words, texts);
      return;
    }
    const textsAt = this.#textsAt;
    if (texts.length > 0) texts.copy(this.#arena.bytes, textsAt);
    const at = this.#writer.begin(kind, words);
    this.#writeIds(this.#writer.words, at, exchange.streamId);
    writeResponse(this.#writer.words, at, exchange, textsAt);
    if (texts.length > 0) this.#refer(this.#arena.slotAt(textsAt));
    const { headers } = response;
    if (headers.count > 0) this.#refer(this.#arena.slotAt(headers.words[0]!));
    if (response.bodyLength > 0) this.#refer(this.#arena.slotAt(response.bodyOffset));
  }

  /**
   * Sees to it that headers and body lie in slots, and that there is room for texts, which is where
   * `#textsAt` tells; false: no room now. SAFETY: one piece of spill for all that is copied,
   * because a second one might lie over the first, to which nothing refers yet.
   */
  #tryPlace({ response }: Exchange, textBytes: number): boolean {
    if (this.#isInSlots(response.bodySource, response.bodyOffset, response.bodyLength)) {
      const { headers, headerSource } = response;
      const isInPlace = headers.count === 0 || this.#isInSlots(headerSource, headers.words[0]!, 1);
      if (isInPlace) {
        this.#textsAt = textBytes === 0 ? 0 : this.#spill.take(textBytes);
        return this.#textsAt >= 0;
      }
    }
    const bytes = response.byteLength();
    if (bytes > PIECE_BYTES) return false;
    const at = this.#spill.take(bytes + textBytes);
    if (at < 0) return false;
    response.moveTo(this.#arena.bytes, at);
    this.#textsAt = at + bytes;
    return true;
  }

  #isInSlots(source: Buffer, offset: number, length: number): boolean {
    return length === 0 || (source === this.#arena.bytes && this.#arena.slotAt(offset) !== null);
  }

  /** Keeps the answer on the heap until there is room. */
  #park(kind: number, exchange: Exchange, count: number, texts: Buffer): void {
    const { response } = exchange;
    const textsAt = response.byteLength();
    const bytes = Buffer.allocUnsafeSlow(textsAt + texts.length);
    response.moveTo(bytes, 0);
    texts.copy(bytes, textsAt);
    const words = new Int32Array(count);
    this.#writeIds(words, 0, exchange.streamId);
    writeResponse(words, 0, exchange, textsAt);
    this.#wait({ kind, words, bytes, sent: 0 });
  }

  #piece(index: number, serial: number, source: Buffer, offset: number, length: number): void {
    this.#onWritten();
    const { piece } = ResponseKind;
    if (!this.isBlocked && this.#tryPiece(piece, index, serial, source, offset, length)) return;
    const bytes = Buffer.from(source.subarray(offset, offset + length));
    const words = Int32Array.of(0, index, serial);
    this.#wait({ kind: piece, words, bytes, sent: 0 });
  }

  /** Writes a record about bytes alone. */
  #tryPiece(
    kind: number,
    index: number,
    serial: number,
    source: Buffer,
    offset: number,
    length: number,
  ): boolean {
    if (!this.#writer.hasRoom(SHORT_WORDS)) return false;
    const { bytes } = this.#arena;
    let from = offset;
    if (!this.#isInSlots(source, offset, length)) {
      from = this.#spill.take(length);
      if (from < 0) return false;
      source.copy(bytes, from, offset, offset + length);
    }
    const at = this.#writer.begin(kind, SHORT_WORDS);
    const { words } = this.#writer;
    words[at + ExchangeWord.index] = index;
    words[at + ExchangeWord.serial] = serial;
    words[at + ExchangeWord.serial + 1] = from;
    words[at + ExchangeWord.serial + 2] = length;
    this.#refer(this.#arena.slotAt(from));
    return true;
  }

  #short(kind: number, a: number, b: number, c: number): void {
    this.#writeGathered();
    this.#onWritten();
    const at = this.isBlocked ? -1 : this.#writer.begin(kind, SHORT_WORDS);
    if (at < 0) {
      this.#wait({ kind, words: Int32Array.of(0, a, b, c), bytes: NO_BYTES, sent: 0 });
      return;
    }
    const { words } = this.#writer;
    words[at + 1] = a;
    words[at + 2] = b;
    words[at + 3] = c;
  }

  #tryWriteWaiting(entry: Waiting): boolean {
    const { kind, words, bytes } = entry;
    const [, index = 0, serial = 0] = words;
    if (kind === ResponseKind.piece) {
      return this.#tryPiece(kind, index, serial, bytes, 0, bytes.length);
    }
    if (bytes.length > PIECE_BYTES) {
      while (entry.sent < bytes.length) {
        const length = Math.min(PIECE_BYTES, bytes.length - entry.sent);
        const { part } = ResponseKind;
        if (!this.#tryPiece(part, index, serial, bytes, entry.sent, length)) return false;
        entry.sent += length;
      }
      markAssembled(words, 0);
    }
    const isWhole = bytes.length > 0 && bytes.length <= PIECE_BYTES;
    const count = Math.max(SHORT_WORDS, words.length);
    if (!this.#writer.hasRoom(count) || (isWhole && !this.#spill.has(bytes.length))) return false;
    let slot: Slot | null = null;
    if (isWhole) {
      const base = this.#spill.take(bytes.length);
      bytes.copy(this.#arena.bytes, base);
      words[ResponseWord.base] = base;
      slot = this.#arena.slotAt(base);
    }
    const at = this.#writer.begin(kind, count);
    this.#writer.words.set(words.subarray(1), at + 1);
    this.#refer(slot);
    return true;
  }

  #writeIds(words: Int32Array, at: number, index: number): void {
    words[at + ExchangeWord.index] = index;
    words[at + ExchangeWord.serial] = this.#serials[index]!;
  }

  #refer(slot: Slot | null): void {
    if (slot !== null) this.#references.add(this.#writer.position, slot);
  }
}
