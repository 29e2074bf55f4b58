// HOT PATH. An answer as words of a ring. Its headers, body and texts lie in the lane's arena, or,
// when it was too large for one record, in what its parts made up: offsets count from `base`.
//
//   word 0 head · 1 index · 2 serial · 3 base · 4 marks · 5.. fields · [trace] [headers] [added]

import { Errors, type GatewayError } from '#core/base/errors.ts';
import { DownstreamProtocol, HEADER_WORDS, type ResponseMessage } from '#core/codec/message.ts';
import type { DownstreamApi } from '#core/downstream/contract.ts';
import type { Exchange } from '#core/pipeline/exchange.ts';
import { readHeaders, readWide, writeHeaders, writeWide } from './request-words.ts';

/** Words of a record with an answer, before its fields. */
export const ResponseWord = { base: 3, marks: 4 } as const;

const Mark = { streaming: 1, trace: 2, assembled: 4, chinese: 8, httpStatuses: 16 } as const;

const FIELDS_WORD = 5;
const FIELD_WORDS = 13;
/** The trace id: clients of HTTP get it. */
const TRACE_WORDS = 4;
const NONE = -1;
const US_PER_MS = 1000;

const ERRORS: readonly GatewayError[] = Object.values(Errors);
const ERROR_INDEX: ReadonlyMap<GatewayError, number> = new Map(
  ERRORS.map((error, index) => [error, index]),
);

/** Number of `error` in a record; one that is not the gateway's own counts as a filter's. */
export function errorNumber(error: GatewayError | null): number {
  if (error === null) return NONE;
  return ERROR_INDEX.get(error) ?? ERROR_INDEX.get(Errors.filterRefused)!;
}

export function errorOf(number: number): GatewayError | null {
  // PERF: an index of -1 would be looked up as a name.
  return number < 0 ? null : (ERRORS[number] ?? null);
}

/** How answers of an API look, by the two marks. */
export const STYLES: readonly DownstreamApi[] = [
  { language: 'en', statusMode: 0 },
  { language: 'zh', statusMode: 0 },
  { language: 'en', statusMode: 1 },
  { language: 'zh', statusMode: 1 },
];

/** What a record tells beside the message. */
export interface ReplyFacts {
  error: GatewayError | null;
  api: DownstreamApi;
  /** Time that the service took; negative: it was not asked. Ms. */
  upstreamMs: number;
}

/** Words of the record for the answer of `exchange`. */
export function responseWords({ response, protocol }: Exchange): number {
  const traceWords = protocol === DownstreamProtocol.http1 ? TRACE_WORDS : 0;
  const { headers, added } = response;
  return FIELDS_WORD + FIELD_WORDS + traceWords + headers.count * HEADER_WORDS + added.length;
}

/** Texts of an answer as they are laid behind its bytes; empty when it has none. */
export function textsOf({ memo, tips, added }: ResponseMessage): Buffer {
  if (memo === '' && tips === '' && added.length === 0) return NO_TEXTS;
  return Buffer.from(memo + tips + added.join(''));
}

const NO_TEXTS = Buffer.alloc(0);

function textBytes(text: string): number {
  return text === '' ? 0 : Buffer.byteLength(text);
}

/**
 * Writes the answer of `exchange`.
 *
 * @param at index of the record's first word
 * @param textsAt where {@link textsOf} was laid
 */
export function writeResponse(
  words: Int32Array,
  at: number,
  exchange: Exchange,
  textsAt: number,
): void {
  const { response, api, isSent, sentMs, answeredMs, repliedMs } = exchange;
  const isHttp = exchange.protocol === DownstreamProtocol.http1;
  let marks = response.contentType << 8;
  if (response.isStreaming) marks |= Mark.streaming;
  if (isHttp) marks |= Mark.trace;
  if (api?.language === 'zh') marks |= Mark.chinese;
  if (api?.statusMode === 1) marks |= Mark.httpStatuses;
  words[at + ResponseWord.base] = 0;
  words[at + ResponseWord.marks] = marks;
  const upstreamMs = (answeredMs > sentMs ? answeredMs : repliedMs) - sentMs;
  let to = at + FIELDS_WORD;
  words[to++] = response.resultCode;
  words[to++] = response.httpStatus;
  words[to++] = errorNumber(exchange.error);
  words[to++] = isSent ? Math.round(upstreamMs * US_PER_MS) : NONE;
  words[to++] = response.bodyOffset;
  words[to++] = response.bodyLength;
  writeWide(words, to, response.streamBytes);
  to += 2;
  words[to++] = textsAt;
  words[to++] = textBytes(response.memo);
  words[to++] = textBytes(response.tips);
  words[to++] = response.headers.count;
  words[to++] = response.added.length;
  if (isHttp) {
    const { trace } = exchange.request;
    for (let word = 0; word < TRACE_WORDS; word++) words[to++] = trace.readInt32LE(word * 4);
  }
  writeHeaders(words, to, response.headers);
  to += response.headers.count * HEADER_WORDS;
  const { added } = response;
  for (let i = 0; i < added.length; i++) words[to++] = textBytes(added[i]!);
}

/**
 * Fills `response` from a record.
 *
 * @param bytes what the offsets are about: the lane's arena, or the assembled parts
 * @param base what the offsets count from in `bytes`
 * @param trace gets the trace id, if the record has one
 */
export function readResponse(
  words: Int32Array,
  at: number,
  response: ResponseMessage,
  bytes: Buffer,
  base: number,
  trace: Buffer,
  facts: ReplyFacts,
): void {
  const marks = words[at + ResponseWord.marks]!;
  let from = at + FIELDS_WORD;
  response.isStreaming = (marks & Mark.streaming) !== 0;
  response.contentType = marks >>> 8;
  facts.api = STYLES[(marks >>> 3) & 3]!;
  response.resultCode = words[from++]!;
  response.httpStatus = words[from++]!;
  facts.error = errorOf(words[from++]!);
  const upstreamUs = words[from++]!;
  facts.upstreamMs = upstreamUs < 0 ? NONE : upstreamUs / US_PER_MS;
  response.bodySource = response.headerSource = bytes;
  response.bodyOffset = base + words[from++]!;
  response.bodyLength = words[from++]!;
  response.streamBytes = readWide(words, from);
  from += 2;
  let text = base + words[from++]!;
  const memoLength = words[from++]!;
  const tipsLength = words[from++]!;
  const headerCount = words[from++]!;
  const addedCount = words[from++]!;
  if ((marks & Mark.trace) !== 0) {
    for (let word = 0; word < TRACE_WORDS; word++) trace.writeInt32LE(words[from++]!, word * 4);
  }
  readHeaders(words, from, response.headers, headerCount);
  if (base !== 0) response.headers.shift(base);
  if (memoLength > 0) response.memo = bytes.utf8Slice(text, text + memoLength);
  text += memoLength;
  if (tipsLength > 0) response.tips = bytes.utf8Slice(text, text + tipsLength);
  text += tipsLength;
  from += headerCount * HEADER_WORDS;
  for (let i = 0; i < addedCount; i++) {
    const length = words[from++]!;
    response.added.push(bytes.utf8Slice(text, text + length));
    text += length;
  }
}

/** The bytes of the answer at `at` go ahead of it in parts. */
export function markAssembled(words: Int32Array, at: number): void {
  words[at + ResponseWord.marks]! |= Mark.assembled;
}

/** Is the body of the answer at `at` what parts before it made up? */
export function isAssembled(words: Int32Array, at: number): boolean {
  return (words[at + ResponseWord.marks]! & Mark.assembled) !== 0;
}
