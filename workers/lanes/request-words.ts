// HOT PATH. A request as words of a ring: every field of RequestMessage, its texts as offsets into
// the acceptor's arena, where the other thread reads them.
//
//   word 0 head · 1 index · 2 serial · 3 peer · 4 marks · 5.. fields · [trace] · [headers]

import {
  HEADER_WORDS,
  TRACE_BYTES,
  type HeaderList,
  type RequestMessage,
} from '#core/codec/message.ts';

/** First words of every record that is about one exchange. */
export const ExchangeWord = { index: 1, serial: 2 } as const;

/** Words of a request record before its fields. */
export const RequestWord = { ...ExchangeWord, peer: 3, marks: 4 } as const;

const Mark = {
  trace: 1,
  deviceElsewhere: 2,
  pathRouted: 4,
  requestIdHeader: 8,
  clientIp: 16,
} as const;

const FIELDS_WORD = 5;
const FIELD_WORDS = 33;
const TRACE_WORDS = Math.ceil(TRACE_BYTES / 4);
const BYTE = 0xff;

/** Words of the largest record for requests with at most `headersMax` headers. */
export function requestWordsMax(headersMax: number): number {
  return FIELDS_WORD + FIELD_WORDS + TRACE_WORDS + headersMax * HEADER_WORDS;
}

/** Words of the record for `request`. */
export function requestWords(request: RequestMessage): number {
  const traceWords = request.hasTrace ? TRACE_WORDS : 0;
  return FIELDS_WORD + FIELD_WORDS + traceWords + request.headers.count * HEADER_WORDS;
}

/** A number of 64 bits as two words. */
const wide = new Float64Array(1);
const wideWords = new Int32Array(wide.buffer);

export function writeWide(words: Int32Array, at: number, value: number): void {
  wide[0] = value;
  words[at] = wideWords[0]!;
  words[at + 1] = wideWords[1]!;
}

export function readWide(words: Int32Array, at: number): number {
  wideWords[0] = words[at]!;
  wideWords[1] = words[at + 1]!;
  return wide[0]!;
}

/** Where a text lies that is not a field of the message. */
export interface TextPlace {
  offset: number;
  length: number;
}

/**
 * Writes the fields of `request`, whose texts all lie in the arena.
 *
 * @param at index of the record's first word
 * @param startedMs when the request came, by the clock that all threads share
 * @param clientIp where the client's address lies; length 0: it is the peer's own
 */
export function writeRequest(
  words: Int32Array,
  at: number,
  request: RequestMessage,
  startedMs: number,
  clientIp: TextPlace,
): void {
  let marks = 0;
  if (request.hasTrace) marks |= Mark.trace;
  if (request.deviceSource !== null) marks |= Mark.deviceElsewhere;
  if (request.isPathRouted) marks |= Mark.pathRouted;
  if (request.hasRequestIdHeader) marks |= Mark.requestIdHeader;
  if (clientIp.length > 0) marks |= Mark.clientIp;
  words[at + RequestWord.marks] = marks;
  let to = at + FIELDS_WORD;
  words[to++] = request.operationOffset;
  words[to++] = request.operationLength;
  words[to++] = request.appIdOffset;
  words[to++] = request.appIdLength;
  words[to++] = request.workspaceIdOffset;
  words[to++] = request.workspaceIdLength;
  words[to++] = request.deviceIdOffset;
  words[to++] = request.deviceIdLength;
  words[to++] = request.signOffset;
  words[to++] = request.signLength;
  words[to++] = request.requestIdOffset;
  words[to++] = request.requestIdLength;
  words[to++] = request.sessionOffset;
  words[to++] = request.sessionLength;
  words[to++] = request.sessionTextOffset;
  words[to++] = request.sessionTextLength;
  words[to++] = request.bodyOffset;
  words[to++] = request.bodyLength;
  words[to++] = request.methodOffset;
  words[to++] = request.methodLength;
  words[to++] = request.targetOffset;
  words[to++] = request.targetLength;
  words[to++] = clientIp.offset;
  words[to++] = clientIp.length;
  words[to++] = request.timeoutMs | 0;
  words[to++] = request.bucket;
  words[to++] = request.flags | (request.channel << 8) | (request.attempt << 16);
  words[to++] = request.signType | (request.contentType << 8);
  writeWide(words, to, request.timestampMs);
  writeWide(words, to + 2, startedMs);
  to += 4;
  words[to++] = request.headers.count;
  if (request.hasTrace) {
    writeTrace(words, to, request.trace);
    to += TRACE_WORDS;
  }
  writeHeaders(words, to, request.headers);
}

/**
 * Fills `request` from a record.
 *
 * @param arena memory that the offsets are about
 * @param peerIp address of the peer
 * @returns when the request came
 */
export function readRequest(
  words: Int32Array,
  at: number,
  request: RequestMessage,
  arena: Buffer,
  peerIp: string,
): number {
  const marks = words[at + RequestWord.marks]!;
  let from = at + FIELDS_WORD;
  request.source = request.sessionSource = request.bodySource = arena;
  request.deviceSource = (marks & Mark.deviceElsewhere) === 0 ? null : arena;
  request.isPathRouted = (marks & Mark.pathRouted) !== 0;
  request.hasRequestIdHeader = (marks & Mark.requestIdHeader) !== 0;
  request.operationOffset = words[from++]!;
  request.operationLength = words[from++]!;
  request.appIdOffset = words[from++]!;
  request.appIdLength = words[from++]!;
  request.workspaceIdOffset = words[from++]!;
  request.workspaceIdLength = words[from++]!;
  request.deviceIdOffset = words[from++]!;
  request.deviceIdLength = words[from++]!;
  request.signOffset = words[from++]!;
  request.signLength = words[from++]!;
  request.requestIdOffset = words[from++]!;
  request.requestIdLength = words[from++]!;
  request.sessionOffset = words[from++]!;
  request.sessionLength = words[from++]!;
  request.sessionTextOffset = words[from++]!;
  request.sessionTextLength = words[from++]!;
  request.bodyOffset = words[from++]!;
  request.bodyLength = words[from++]!;
  request.methodOffset = words[from++]!;
  request.methodLength = words[from++]!;
  request.targetOffset = words[from++]!;
  request.targetLength = words[from++]!;
  const ipOffset = words[from++]!;
  const ipLength = words[from++]!;
  request.clientIp = ipLength === 0 ? peerIp : arena.latin1Slice(ipOffset, ipOffset + ipLength);
  request.timeoutMs = words[from++]! >>> 0;
  request.bucket = words[from++]!;
  const small = words[from++]!;
  request.flags = small & BYTE;
  request.channel = (small >>> 8) & BYTE;
  request.attempt = (small >>> 16) & BYTE;
  const types = words[from++]!;
  request.signType = types & BYTE;
  request.contentType = (types >>> 8) & BYTE;
  request.timestampMs = readWide(words, from);
  const startedMs = readWide(words, from + 2);
  from += 4;
  const headerCount = words[from++]!;
  request.hasTrace = (marks & Mark.trace) !== 0;
  if (request.hasTrace) {
    readTrace(words, from, request.trace);
    from += TRACE_WORDS;
  }
  readHeaders(words, from, request.headers, headerCount);
  return startedMs;
}

function writeTrace(words: Int32Array, at: number, trace: Buffer): void {
  for (let word = 0; word < TRACE_WORDS - 1; word++) {
    const i = word * 4;
    words[at + word] =
      trace[i]! | (trace[i + 1]! << 8) | (trace[i + 2]! << 16) | (trace[i + 3]! << 24);
  }
  words[at + TRACE_WORDS - 1] = trace[TRACE_BYTES - 1]!;
}

function readTrace(words: Int32Array, at: number, trace: Buffer): void {
  for (let i = 0; i < TRACE_BYTES; i++) {
    trace[i] = words[at + (i >>> 2)]! >>> ((i & 3) * 8);
  }
}

/** Copies the positions of `headers` to `words[at ...)`. */
export function writeHeaders(words: Int32Array, at: number, headers: HeaderList): void {
  const from = headers.words;
  const count = headers.count * HEADER_WORDS;
  for (let i = 0; i < count; i++) words[at + i] = from[i]!;
}

/** Replaces `headers` by `count` positions at `words[at ...)`. */
export function readHeaders(
  words: Int32Array,
  at: number,
  headers: HeaderList,
  count: number,
): void {
  headers.clear();
  for (let i = 0; i < count; i++) {
    const from = at + i * HEADER_WORDS;
    headers.add(words[from]!, words[from + 1]!, words[from + 2]!, words[from + 3]!);
  }
}
