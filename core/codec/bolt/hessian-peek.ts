// HOT PATH. Looks into Hessian content just far enough to tell an answer from an error and to find
// the error's text, in both dialects SOFARPC peers speak. Invariant: never reads past `end`, never
// throws, and an unfamiliar layout is `other`, not a guess. Leaves decoding to a Hessian codec.
//
//   3.x: 'O' int(name length) name, int(n), n strings   then  'o' int(ref)   then n values
//   4.x: 'C' string(name),          int(n), n strings   then  0x60 + ref     then n values
//
// Fields come in the order of the definition. Source: sofa-hessian 3.5 and 4.0,
// SofaResponseHessianSerializer and ThrowableSerializer of sofa-rpc.

import { equalsAt } from './header-map.ts';

/** What {@link peekHessian} saw. */
export const HessianKind = {
  /** Something else, or too unusual to tell. */
  other: 0,
  /** A SofaResponse whose answer is no exception. */
  answer: 1,
  /** A SofaResponse with isError: the framework of the peer refused or failed. */
  frameworkError: 2,
  /** An exception object, alone or as the answer of a SofaResponse. */
  throwable: 3,
} as const;

/** LIMIT: classes with more fields are not looked into. */
const FIELDS_MAX = 256;

/** What was seen, and where the error's text is. */
export class HessianPeek {
  kind: number = HessianKind.other;
  textOffset = 0;
  /** 0 when there is no text. Bytes, in CESU-8. */
  textLength = 0;
}

/** Looks at `bytes[offset, end)` and fills `peek`. */
export function peekHessian(bytes: Buffer, offset: number, end: number, peek: HessianPeek): void {
  peek.kind = HessianKind.other;
  peek.textOffset = peek.textLength = 0;
  reader.open(bytes, offset, end);
  if (!reader.readDefinition()) return;
  if (reader.isThrowable) {
    peekThrowable(peek);
    return;
  }
  // SofaResponse: isError, errorMsg, appResponse, responseProps.
  if (!reader.startsWithError || !reader.readInstance()) return;
  const isError = reader.readBoolean();
  if (isError < 0 || !reader.readText()) return;
  if (isError === 1) {
    peek.kind = HessianKind.frameworkError;
    peek.textOffset = reader.textOffset;
    peek.textLength = reader.textLength;
    return;
  }
  peek.kind = HessianKind.answer;
  if (reader.readDefinition() && reader.isThrowable) peekThrowable(peek);
}

/** After the definition of an exception class: finds its message. */
function peekThrowable(peek: HessianPeek): void {
  peek.kind = HessianKind.throwable;
  if (!reader.readInstance()) return;
  // Fields of a subclass come first; plain ones are stepped over, others end the search.
  for (let field = 0; field <= reader.messageField; field++) {
    if (!reader.readText() && reader.readBoolean() < 0 && !reader.readInteger()) return;
    if (field !== reader.messageField) continue;
    peek.textOffset = reader.textOffset;
    peek.textLength = reader.textLength;
  }
}

/** A cursor over Hessian values. Every read answers false, and stays, when the value is another. */
class Reader {
  /** The last definition has the fields of a Java Throwable. */
  isThrowable = false;
  /** The last definition begins with isError and errorMsg. */
  startsWithError = false;
  /** Index of the field detailMessage in the last definition. */
  messageField = -1;
  textOffset = 0;
  textLength = 0;
  #number = 0;
  #isDialect4 = false;
  #bytes: Buffer = EMPTY;
  #at = 0;
  #end = 0;

  open(bytes: Buffer, offset: number, end: number): void {
    this.#bytes = bytes;
    this.#at = offset;
    this.#end = end;
    this.#isDialect4 = false;
  }

  readDefinition(): boolean {
    this.isThrowable = this.startsWithError = false;
    this.messageField = -1;
    const tag = this.#peekByte();
    // In 4.x 'O' is an instance.
    if (tag !== 0x43 && (tag !== 0x4f || this.#isDialect4)) return false;
    this.#isDialect4 = tag === 0x43;
    this.#at++;
    return this.#readClassName() && this.readInteger() && this.#readFieldNames(this.#number);
  }

  #readClassName(): boolean {
    if (this.#isDialect4) return this.readText();
    if (!this.readInteger() || this.#number < 0) return false;
    this.#at += this.#number;
    return this.#at <= this.#end;
  }

  #readFieldNames(count: number): boolean {
    if (count < 0 || count > FIELDS_MAX) return false;
    let stackField = -1;
    let errorField = -1;
    for (let field = 0; field < count; field++) {
      if (!this.readText()) return false;
      if (this.#textIs(DETAIL_MESSAGE)) this.messageField = field;
      else if (this.#textIs(STACK_TRACE)) stackField = field;
      else if (this.#textIs(IS_ERROR)) errorField = field;
      else if (field === 1 && errorField === 0) this.startsWithError = this.#textIs(ERROR_MSG);
    }
    this.isThrowable = this.messageField >= 0 && stackField >= 0;
    return true;
  }

  readInstance(): boolean {
    const tag = this.#peekByte();
    if (this.#isDialect4 && tag >= 0x60 && tag <= 0x6f) {
      this.#at++;
      return true;
    }
    if (tag !== (this.#isDialect4 ? 0x4f : 0x6f)) return false;
    this.#at++;
    return this.readInteger();
  }

  /** @returns 1, 0, or -1 when the value is no boolean */
  readBoolean(): number {
    const tag = this.#peekByte();
    if (tag !== 0x54 && tag !== 0x46) return -1;
    this.#at++;
    return tag === 0x54 ? 1 : 0;
  }

  /** Reads an int into `#number`. */
  readInteger(): boolean {
    const tag = this.#peekByte();
    const at = this.#at;
    const size = tag === 0x49 ? 5 : tag >= 0x80 && tag <= 0xbf ? 1 : tag >= 0xd0 ? 3 : 2;
    if (tag !== 0x49 && (tag < 0x80 || tag > 0xd7)) return false;
    if (at + size > this.#end) return false;
    const bytes = this.#bytes;
    if (size === 1) this.#number = tag - 0x90;
    else if (size === 2) this.#number = ((tag - 0xc8) << 8) | bytes[at + 1]!;
    else if (size === 3) this.#number = ((tag - 0xd4) << 16) | bytes.readUInt16BE(at + 1);
    else this.#number = bytes.readInt32BE(at + 1);
    this.#at = at + size;
    return true;
  }

  /** Reads a string in one piece, the first piece of a longer one, or null (then it is empty). */
  readText(): boolean {
    const tag = this.#peekByte();
    let at = this.#at + 1;
    let chars: number;
    if (tag === 0x4e) chars = 0;
    else if (tag >= 0 && tag <= 0x1f) chars = tag;
    else if (this.#isDialect4 && tag >= 0x30 && tag <= 0x33 && at < this.#end) {
      chars = ((tag - 0x30) << 8) | this.#bytes[at++]!;
    } else if (this.#isLongText(tag) && at + 2 <= this.#end) {
      chars = this.#bytes.readUInt16BE(at);
      at += 2;
    } else return false;

    this.textOffset = at;
    // A length counts UTF-16 units; the bytes are CESU-8, at most three a unit.
    for (; chars > 0; chars--) {
      if (at >= this.#end) return false;
      const lead = this.#bytes[at]!;
      at += lead < 0x80 ? 1 : lead < 0xe0 ? 2 : 3;
    }
    if (at > this.#end) return false;
    this.textLength = at - this.textOffset;
    this.#at = at;
    return true;
  }

  /** 'S' is a last piece; other pieces are 's' in 3.x and 'R' in 4.x. */
  #isLongText(tag: number): boolean {
    return tag === 0x53 || tag === (this.#isDialect4 ? 0x52 : 0x73);
  }

  #textIs(expected: Buffer): boolean {
    return this.textLength === expected.length && equalsAt(this.#bytes, this.textOffset, expected);
  }

  #peekByte(): number {
    return this.#at < this.#end ? this.#bytes[this.#at]! : -1;
  }
}

const EMPTY = Buffer.alloc(0);
const DETAIL_MESSAGE = Buffer.from('detailMessage');
const STACK_TRACE = Buffer.from('stackTrace');
const IS_ERROR = Buffer.from('isError');
const ERROR_MSG = Buffer.from('errorMsg');
/** One look at a time: nothing here calls out. */
const reader = new Reader();
