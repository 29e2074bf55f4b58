// The dynamic table of one direction of a connection: DEFINE remembers a TLV under an index, REF
// stands for it later. Receiver: DynamicTable; sender: DynamicTableEncoder.
// Invariant: at most `size` entries and TABLE_BYTES_MAX remembered bytes; no memory before the
// first DEFINE, and none but that of the entries. Frames without DEFINE and REF never come here
// (see openMeta).

import { OutBuffer } from '#core/base/out-buffer.ts';
import { TlvReader, TlvStep, VARINT_SIZE_BITS, VARINT_SIZE_MASK } from './tlv.ts';
import { appendTlvHead, readVarint, varintBytes, writeVarint } from './tlv.ts';
import { Field, META_BYTES_MAX, TABLE_BYTES_MAX } from './types.ts';

/** One buffer serves all tables of the thread: an expanded meta is used before anything else is. */
const expansion = new OutBuffer();

/** What a receiver remembers for the peer that sends to it. */
export class DynamicTable {
  /** Entries this side announced as TABLE_SIZE; 0 forbids DEFINE. */
  readonly size: number;
  /** Remembered TLVs by index, complete with type and length. */
  readonly entries: (Buffer | undefined)[] = [];
  /** Sum of the lengths of `entries`. */
  rememberedBytes = 0;
  readonly #outer = new TlvReader();
  readonly #inner = new TlvReader();

  constructor(size: number) {
    this.size = size;
  }

  /**
   * The meta that was expanded last is `expanded[0, expandedBytes)`. SAFETY: overwritten by the
   * next expansion, whichever table's it is; a message whose source it is must be retained before
   * another frame is decoded on this thread.
   */
  get expanded(): Buffer {
    return expansion.bytes;
  }

  get expandedBytes(): number {
    return expansion.length;
  }

  /**
   * Writes the TLVs of `bytes[start, end)` to `expanded`, DEFINEs and REFs replaced by the TLVs
   * they carry or stand for, and remembers what is defined.
   *
   * @returns false when the meta is malformed: broken TLVs, an index outside the table, a REF to
   *   nothing, a nested DEFINE or REF, a field that may not be defined, too many remembered bytes,
   *   or more than META_BYTES_MAX bytes after expansion
   */
  tryExpand(bytes: Buffer, start: number, end: number): boolean {
    const reader = this.#outer;
    expansion.length = 0;
    reader.open(start, end);
    for (;;) {
      const step = reader.next(bytes);
      if (step === TlvStep.end) return true;
      if (step === TlvStep.malformed) return false;
      if (reader.type === Field.define) {
        if (!this.#tryDefine(bytes, reader.valueOffset, reader.at)) return false;
      } else if (reader.type === Field.ref) {
        if (!this.#tryRefer(bytes, reader.valueOffset, reader.at)) return false;
      } else {
        expansion.append(bytes, reader.tlvOffset, reader.at - reader.tlvOffset);
      }
      if (expansion.length > META_BYTES_MAX) return false;
    }
  }

  #tryDefine(bytes: Buffer, start: number, end: number): boolean {
    const packed = readVarint(bytes, start, end);
    if (packed < 0) return false;
    const index = packed >> VARINT_SIZE_BITS;
    if (index >= this.size) return false;
    const tlvOffset = start + (packed & VARINT_SIZE_MASK);
    const inner = this.#inner;
    inner.open(tlvOffset, end);
    if (inner.next(bytes) !== TlvStep.tlv || inner.at !== end) return false;
    if (!isDefinable(inner.type)) return false;
    const old = this.entries[index];
    const remembered = this.rememberedBytes + (end - tlvOffset) - (old?.length ?? 0);
    if (remembered > TABLE_BYTES_MAX) return false;
    const tlv = Buffer.allocUnsafeSlow(end - tlvOffset);
    bytes.copy(tlv, 0, tlvOffset, end);
    this.entries[index] = tlv;
    this.rememberedBytes = remembered;
    expansion.append(tlv, 0, tlv.length);
    return true;
  }

  #tryRefer(bytes: Buffer, start: number, end: number): boolean {
    const packed = readVarint(bytes, start, end);
    if (packed < 0 || start + (packed & VARINT_SIZE_MASK) !== end) return false;
    const tlv = this.entries[packed >> VARINT_SIZE_BITS];
    if (tlv === undefined) return false;
    expansion.append(tlv, 0, tlv.length);
    return true;
  }
}

/** Secrets and one-time values are never remembered; DEFINE and REF do not nest. */
function isDefinable(type: number): boolean {
  return (
    type !== Field.session &&
    type !== Field.sign &&
    type !== Field.requestId &&
    type !== Field.define &&
    type !== Field.ref
  );
}

/** A REF takes about this many bytes; shorter TLVs gain nothing from the table. */
const DEFINE_BYTES_MIN = 6;

/**
 * The sender's side: writes a TLV in full, as DEFINE or as REF, whichever the table allows and the
 * repetition of values pays for. Entries are replaced in turn once all indexes are in use.
 */
export class DynamicTableEncoder {
  /** TABLE_SIZE that the receiver announced. */
  readonly size: number;
  readonly #indexByTlv = new Map<string, number>();
  readonly #tlvByIndex: (string | undefined)[] = [];
  #rememberedBytes = 0;
  #nextIndex = 0;

  constructor(size: number) {
    this.size = size;
  }

  /**
   * Replaces the plain TLV that starts at `start` and ends `out` by its shortest form. Call it
   * right after a TLV was appended that is likely to come again.
   */
  shorten(out: OutBuffer, start: number): void {
    const length = out.length - start;
    if (length < DEFINE_BYTES_MIN || length > TABLE_BYTES_MAX || this.size === 0) return;
    const tlv = out.bytes.latin1Slice(start, out.length);
    const known = this.#indexByTlv.get(tlv);
    if (known !== undefined) {
      out.length = start;
      appendTlvHead(out, Field.ref, varintBytes(known));
      const at = out.reserve(varintBytes(known));
      writeVarint(out.bytes, at, known);
      return;
    }
    const index = this.#remember(tlv);
    if (index < 0) return;
    out.length = start;
    appendTlvHead(out, Field.define, varintBytes(index) + length);
    const at = out.reserve(varintBytes(index) + length);
    const tlvAt = writeVarint(out.bytes, at, index);
    out.bytes.latin1Write(tlv, tlvAt, length);
  }

  /** @returns the index given to `tlv`, or -1 when the remembered bytes would exceed their limit */
  #remember(tlv: string): number {
    const index = this.#nextIndex;
    const old = this.#tlvByIndex[index];
    const remembered = this.#rememberedBytes + tlv.length - (old?.length ?? 0);
    if (remembered > TABLE_BYTES_MAX) return -1;
    if (old !== undefined) this.#indexByTlv.delete(old);
    this.#indexByTlv.set(tlv, index);
    this.#tlvByIndex[index] = tlv;
    this.#rememberedBytes = remembered;
    this.#nextIndex = (index + 1) % this.size;
    return index;
  }
}
