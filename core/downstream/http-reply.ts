// HOT PATH. From an answer to HTTP/1.1 bytes: status, the gateway's own headers, what hygiene left
// of the service's headers, the body.

import type { Clock } from '#core/base/clock.ts';
import { Errors, type GatewayError } from '#core/base/errors.ts';
import type { OutBuffer } from '#core/base/out-buffer.ts';
import { ResultCode } from '#core/base/result-codes.ts';
import {
  appendChunkedCoding,
  appendContentLength,
  appendDate,
  appendDecimal,
  appendHeader,
  appendHeaderBytes,
  appendHeadEnd,
  appendStatusLine,
} from '#core/codec/http1/encoder.ts';
import { HeaderId, recogniseHeader } from '#core/codec/http1/known-headers.ts';
import { mediaTypeName } from '#core/codec/http1/media-type.ts';
import { ContentType, HEADER_WORDS, type ResponseMessage } from '#core/codec/message.ts';
import type { DownstreamExchange } from './contract.ts';
import { encodedResult, encodeResult, type EncodedResult } from './result-texts.ts';

const OK = 200;
const NO_CONTENT = 204;
const NOT_MODIFIED = 304;
const FIRST_ERROR_STATUS = 400;
const METHOD_NOT_ALLOWED = 405;
const TOO_MANY_REQUESTS = 429;
const STATUS_MODE_HTTP = 1;

/** What an answer says about the connection; HTTP/1.1 keeps it without a word. */
export const ConnectionLine = {
  none: ascii(''),
  close: ascii('Connection: close\r\n'),
  /** For HTTP/1.0 clients that asked for it (RFC 9112, appendix C.2.2). */
  keepAlive: ascii('Connection: keep-alive\r\n'),
} as const;

const ALLOW = ascii('Allow: GET, HEAD, POST\r\n');
const TRACE = ascii('Mgw-Trace: ');
const TIMING_GATEWAY = ascii('\r\nServer-Timing: gw;dur=');
const TIMING_UPSTREAM = ascii(', up;dur=');
const LINE_END = ascii('\r\n');
const HEX = ascii('0123456789abcdef');
const TRACE_ID_BYTES = 16;
const DOT = 0x2e;
const ZERO = 0x30;

const CONTENT_TYPE_LINES: readonly Buffer[] = [
  ContentType.json,
  ContentType.protobuf,
  ContentType.bytes,
].map((type) => ascii(`Content-Type: ${mediaTypeName(type)}\r\n`));

function ascii(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

/** Appends a whole answer. @param isHead the request was HEAD: the body is left out */
export function appendReply(
  out: OutBuffer,
  exchange: DownstreamExchange,
  isHead: boolean,
  connectionLine: Buffer,
  clock: Clock,
): void {
  const { response } = exchange;
  const texts = textsOf(exchange);
  // A failure whose type the service told is its own answer, empty as it is.
  const isOwnBody =
    exchange.error !== null && response.bodyLength === 0 && !hasContentType(response);
  const body = isOwnBody ? texts.body : response.bodySource;
  const offset = isOwnBody ? 0 : response.bodyOffset;
  const length = isOwnBody ? body.length : response.bodyLength;
  const status = statusOf(exchange, texts);
  appendHead(out, exchange, status, texts, connectionLine, clock);
  if (isOwnBody) appendLine(out, CONTENT_TYPE_LINES[ContentType.json]!);
  else if (length > 0 && !hasContentType(response)) appendContentType(out, response);
  const isBodyless = status === NO_CONTENT || status === NOT_MODIFIED;
  if (!isBodyless) appendContentLength(out, length);
  appendHeadEnd(out);
  if (length > 0 && !isHead && !isBodyless) out.append(body, offset, length);
}

/** Appends the head of an answer whose body follows in pieces. */
export function appendReplyHead(
  out: OutBuffer,
  exchange: DownstreamExchange,
  isChunked: boolean,
  connectionLine: Buffer,
  clock: Clock,
): void {
  const { streamBytes } = exchange.response;
  const texts = textsOf(exchange);
  appendHead(out, exchange, statusOf(exchange, texts), texts, connectionLine, clock);
  if (isChunked) appendChunkedCoding(out);
  else if (streamBytes >= 0) appendContentLength(out, streamBytes);
  appendHeadEnd(out);
}

/** Appends the answer to something that is no request, and that the connection ends. */
export function appendBareReply(out: OutBuffer, status: number, clock: Clock): void {
  const isLimit = status === TOO_MANY_REQUESTS;
  const code = isLimit ? ResultCode.limited : ResultCode.requestMalformed;
  const texts = encodedResult(code, 'en');
  appendStatusLine(out, status);
  appendLine(out, texts.httpLines);
  appendDate(out, clock.wallMs());
  appendLine(out, ConnectionLine.close);
  if (status === METHOD_NOT_ALLOWED) appendLine(out, ALLOW);
  appendLine(out, CONTENT_TYPE_LINES[ContentType.json]!);
  appendContentLength(out, texts.body.length);
  appendHeadEnd(out);
  appendLine(out, texts.body);
}

function appendHead(
  out: OutBuffer,
  exchange: DownstreamExchange,
  status: number,
  texts: EncodedResult,
  connectionLine: Buffer,
  clock: Clock,
): void {
  const { response } = exchange;
  appendStatusLine(out, status);
  appendLine(out, texts.httpLines);
  appendTraceAndTiming(out, exchange);
  const { headers, headerSource, added } = response;
  const { words } = headers;
  let hasDate = false;
  for (let index = 0; index < headers.count; index++) {
    const at = index * HEADER_WORDS;
    const nameOffset = words[at]!;
    const nameLength = words[at + 1]!;
    hasDate ||= recogniseHeader(headerSource, nameOffset, nameLength) === HeaderId.date;
    appendHeaderBytes(out, headerSource, nameOffset, nameLength, words[at + 2]!, words[at + 3]!);
  }
  for (let i = 0; i < added.length; i += 2) appendHeader(out, added[i]!, added[i + 1]!);
  if (!hasDate) appendDate(out, clock.wallMs());
  appendLine(out, connectionLine);
}

function textsOf(exchange: DownstreamExchange): EncodedResult {
  const { response } = exchange;
  const code = response.resultCode;
  const texts = encodedResult(code, exchange.api?.language ?? 'en');
  if (response.memo === '' && response.tips === '') return texts;
  return encodeResult(code, texts.httpStatus, response.memo, response.tips);
}

/** What breaks HTTP itself, or asks for what is not there, says so in HTTP's own terms. */
const PROTOCOL_STATUS: ReadonlyMap<GatewayError, number> = new Map([
  [Errors.pathUnknown, 404],
  [Errors.framingBroken, 400],
  [Errors.framingTooLarge, 413],
  [Errors.bodyTimeout, 408],
  [Errors.operationRepeated, 400],
]);

/** Answers of a service keep its status; the gateway's own have 200, or follow the result code. */
function statusOf(exchange: DownstreamExchange, texts: EncodedResult): number {
  const { error, response } = exchange;
  if (error === null) return response.httpStatus;
  const protocolStatus = PROTOCOL_STATUS.get(error);
  if (protocolStatus !== undefined) return protocolStatus;
  if (exchange.api?.statusMode !== STATUS_MODE_HTTP) return OK;
  const isFromService = response.httpStatus >= FIRST_ERROR_STATUS;
  return isFromService ? response.httpStatus : texts.httpStatus;
}

function appendTraceAndTiming(out: OutBuffer, exchange: DownstreamExchange): void {
  appendLine(out, TRACE);
  const { trace } = exchange.request;
  const at = out.reserve(TRACE_ID_BYTES * 2);
  const { bytes } = out;
  for (let i = 0; i < TRACE_ID_BYTES; i++) {
    const byte = trace[i]!;
    bytes[at + 2 * i] = HEX[byte >> 4]!;
    bytes[at + 2 * i + 1] = HEX[byte & 15]!;
  }
  const { startedMs, sentMs, answeredMs, repliedMs } = exchange;
  const totalMs = Math.max(0, repliedMs - startedMs);
  const upstreamMs = sentMs > 0 && answeredMs > sentMs ? answeredMs - sentMs : 0;
  appendLine(out, TIMING_GATEWAY);
  appendMs(out, totalMs - upstreamMs);
  if (sentMs > 0) {
    appendLine(out, TIMING_UPSTREAM);
    appendMs(out, upstreamMs);
  }
  appendLine(out, LINE_END);
}

/** Ms with three digits behind the dot. */
function appendMs(out: OutBuffer, ms: number): void {
  const us = Math.max(0, Math.round(ms * 1000));
  appendDecimal(out, Math.floor(us / 1000));
  const rest = us % 1000;
  const at = out.reserve(4);
  const { bytes } = out;
  bytes[at] = DOT;
  bytes[at + 1] = ZERO + Math.floor(rest / 100);
  bytes[at + 2] = ZERO + (Math.floor(rest / 10) % 10);
  bytes[at + 3] = ZERO + (rest % 10);
}

function hasContentType({ headers, headerSource }: ResponseMessage): boolean {
  const { words } = headers;
  for (let index = 0; index < headers.count; index++) {
    const at = index * HEADER_WORDS;
    const id = recogniseHeader(headerSource, words[at]!, words[at + 1]!);
    if (id === HeaderId.contentType) return true;
  }
  return false;
}

function appendContentType(out: OutBuffer, { contentType }: ResponseMessage): void {
  appendLine(out, CONTENT_TYPE_LINES[contentType] ?? CONTENT_TYPE_LINES[ContentType.bytes]!);
}

function appendLine(out: OutBuffer, line: Buffer): void {
  out.append(line, 0, line.length);
}
