// Reads a stream of messages with the codec under test and writes down what it saw, as lines that
// people can read and tests can compare. The bytes may come in any pieces; between two pieces the
// open head is moved to other memory with rubbish around it, as a connection would move it.

import { DecodeStatus } from '#core/base/decode-status.ts';
import { BodyKind, requestBodyKind, responseBodyKind } from '#core/codec/http1/body-framing.ts';
import { ChunkedDecoder } from '#core/codec/http1/chunked.ts';
import { parseRequestHead, parseResponseHead } from '#core/codec/http1/head-parser.ts';
import { MalformedReason } from '#core/codec/http1/malformed-reason.ts';
import { HttpHead } from '#core/codec/http1/types.ts';
import type { HttpLimits } from '#core/codec/http1/types.ts';
import { HEADER_WORDS } from '#core/codec/message.ts';

import { LIMITS } from './limits.ts';

export type Side = 'request' | 'response';

/** What stands behind `refused:` in a transcript. */
export const REASON_NAMES: readonly string[] = Object.keys(MalformedReason);

/** Text with every byte outside printable ASCII as `\xNN`, and no vertical bar, for tables. */
export function readable(text: string): string {
  return text.replace(/[^ -{}~]|["\\]/g, (character) => {
    return '\\x' + character.charCodeAt(0).toString(16).padStart(2, '0');
  });
}

/** One line for a head: what llhttp can tell as well. */
export function headLine(
  first: string,
  minor: number,
  keepAlive: boolean | undefined,
  headers: readonly string[],
): string {
  let line = readable(first);
  if (minor === 0) line += ' 1.0';
  if (keepAlive === false) line += ' close';
  const pairs: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    pairs.push(`${readable(headers[i]!)}=${readable(headers[i + 1]!)}`);
  }
  return `${line} {${pairs.join(', ')}}`;
}

const POISONS = [0x00, 0x0a, 0x0d, 0x20, 0x3a, 0x41, 0xff];

/** Reads one direction of one connection. */
export class Transcript {
  readonly lines: string[] = [];
  readonly head = new HttpHead();
  /** The codec refused the stream, or the stream may not go on: nothing more is read. */
  isOver = false;
  readonly #side: Side;
  readonly #limits: HttpLimits;
  readonly #wasHead: boolean;
  readonly #chunked: ChunkedDecoder;
  #pending: Buffer = Buffer.alloc(0);
  #moves = 0;
  #phase: 'head' | BodyKind = 'head';
  #rest = 0;
  #body = '';
  #mayFollow = true;

  constructor(side: Side, limits: HttpLimits = LIMITS, wasHead = false) {
    this.#side = side;
    this.#limits = limits;
    this.#wasHead = wasHead;
    this.#chunked = new ChunkedDecoder(limits);
  }

  /** The next bytes arrive. */
  feed(piece: Buffer): void {
    const padding = 1 + (this.#moves % 5);
    const poison = POISONS[this.#moves++ % POISONS.length]!;
    const total = this.#pending.length + piece.length;
    const memory = Buffer.alloc(total + 2 * padding, poison);
    this.#pending.copy(memory, padding);
    piece.copy(memory, padding + this.#pending.length);
    const end = padding + total;
    let at = padding;
    while (at < end && !this.isOver) {
      const used = this.#read(memory, at, end);
      if (used < 0) break;
      at += used;
    }
    this.#pending = Buffer.from(memory.subarray(at, end));
  }

  /** The peer closes. */
  close(): void {
    if (this.#phase !== BodyKind.untilClose) return;
    this.#endMessage();
  }

  /** All lines, body bytes of a message in one line. */
  text(): string {
    const open = this.#body === '' ? [] : [`body ${readable(this.#body)}`];
    return [...this.lines, ...open].join('; ');
  }

  /** Bytes used, or -1 when more are needed first. */
  #read(bytes: Buffer, at: number, end: number): number {
    if (this.#phase === 'head') return this.#readHead(bytes, at, end);
    if (this.#phase === BodyKind.chunked) return this.#readChunked(bytes, at, end);
    const isCounted = this.#phase === BodyKind.length;
    const length = isCounted ? Math.min(this.#rest, end - at) : end - at;
    this.#body += bytes.latin1Slice(at, at + length);
    this.#rest -= length;
    if (isCounted && this.#rest === 0) this.#endMessage();
    return length;
  }

  #readHead(bytes: Buffer, at: number, end: number): number {
    if (!this.#mayFollow) {
      this.lines.push('refused: bytes after the last message');
      this.isOver = true;
      return -1;
    }
    const parse = this.#side === 'request' ? parseRequestHead : parseResponseHead;
    const { head } = this;
    const status = parse(bytes, at, end, head, this.#limits);
    if (status === DecodeStatus.needMore) return -1;
    if (status !== DecodeStatus.ok) return this.#refuse(head.malformedReason, status);
    const used = head.headBytes;
    this.#openBody(bytes);
    return used;
  }

  #openBody(bytes: Buffer): void {
    const { head } = this;
    const isRequest = this.#side === 'request';
    const kind = isRequest ? requestBodyKind(head) : responseBodyKind(head, this.#wasHead);
    const first = isRequest
      ? `${bytes.latin1Slice(head.methodOffset, head.methodOffset + head.methodLength)} ` +
        bytes.latin1Slice(head.targetOffset, head.targetOffset + head.targetLength)
      : `${head.status} ` +
        bytes.latin1Slice(head.reasonOffset, head.reasonOffset + head.reasonLength);
    const keepAlive = kind === BodyKind.untilClose ? false : head.keepAlive;
    this.#mayFollow = keepAlive;
    this.lines.push(headLine(first, head.isHttp10 ? 0 : 1, keepAlive, headerTexts(bytes, head)));
    this.#phase = kind;
    this.#rest = head.contentLength;
    this.#chunked.reset();
    if (head.hasUpgrade) {
      this.lines.push('upgrade');
      this.isOver = true;
    } else if (kind === BodyKind.none) {
      this.#endMessage();
    }
  }

  #readChunked(bytes: Buffer, at: number, end: number): number {
    const decoder = this.#chunked;
    const status = decoder.next(bytes, at, end);
    if (status === DecodeStatus.needMore) return decoder.consumed;
    if (status !== DecodeStatus.ok) return this.#refuse(decoder.malformedReason, status);
    this.#body += bytes.latin1Slice(decoder.dataOffset, decoder.dataOffset + decoder.dataLength);
    if (decoder.isDone) this.#endMessage();
    return decoder.consumed;
  }

  #endMessage(): void {
    this.#flushBody();
    this.lines.push('end');
    this.#phase = 'head';
    this.head.reset();
  }

  #flushBody(): void {
    if (this.#body !== '') this.lines.push(`body ${readable(this.#body)}`);
    this.#body = '';
  }

  #refuse(reason: number, status: DecodeStatus): number {
    this.#flushBody();
    const kind = status === DecodeStatus.tooLarge ? 'too large' : 'refused';
    this.lines.push(`${kind}: ${REASON_NAMES[reason]}`);
    this.isOver = true;
    return -1;
  }
}

function headerTexts(bytes: Buffer, head: HttpHead): string[] {
  const { words, count } = head.headers;
  const texts: string[] = [];
  for (let at = 0; at < count * HEADER_WORDS; at += 2) {
    texts.push(bytes.latin1Slice(words[at]!, words[at]! + words[at + 1]!));
  }
  return texts;
}

/** Reads `bytes` cut at `cuts` (ascending offsets) and tells the whole transcript. */
export function transcribe(
  side: Side,
  bytes: Buffer,
  cuts: readonly number[] = [],
  limits: HttpLimits = LIMITS,
): string {
  const transcript = new Transcript(side, limits);
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    transcript.feed(bytes.subarray(from, cut));
    from = cut;
  }
  transcript.close();
  return transcript.text();
}
