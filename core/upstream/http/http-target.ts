// HOT PATH. How requests of one API look over HTTP/1.1. Request line, Host and the headers that all
// have in common are laid out once; client headers are copied in runs of whole lines.

import type { OutBuffer } from '#core/base/out-buffer.ts';
import { appendContentLength, appendHeaderBytes } from '#core/codec/http1/encoder.ts';
import { HeaderId, recogniseHeader } from '#core/codec/http1/known-headers.ts';
import { ContentType, HEADER_WORDS, type RequestMessage } from '#core/codec/message.ts';
import { UID_DIGITS_MAX, writeUid } from '#core/codec/session/uid.ts';
import { shardText, TRACEPARENT_BYTES, writeHex, writeTraceparent } from '../identity.ts';
import type { UpstreamCall } from '../contract.ts';
import type { HttpPool } from './http-pool.ts';

/** What an API says about its HTTP service. */
export interface HttpTargetOptions {
  /** `"*"`: the default API; path and operation type follow the request. */
  readonly operationType: string;
  readonly verb: string;
  /** Request target; `{operation}` when it follows the request. */
  readonly path: string | null;
  readonly authority: string;
  readonly addedHeaders: readonly (readonly [string, string])[];
  /** Names of client headers that are passed on, lower case; null: all that hygiene left. */
  readonly forwardedHeaders: readonly string[] | null;
}

const CRLF = '\r\n';
const CR = 0x0d;
const LF = 0x0a;

/** Media types that Mmtp's CONTENT_TYPE stands for, as whole header lines. */
const CONTENT_TYPE_LINES: readonly Buffer[] = [
  Buffer.from('Content-Type: application/json\r\n', 'latin1'),
  Buffer.from('Content-Type: application/x-protobuf\r\n', 'latin1'),
  Buffer.from('Content-Type: application/octet-stream\r\n', 'latin1'),
];

const TRACEPARENT = Buffer.from('traceparent: ', 'latin1');
const REQUEST_ID = Buffer.from('\r\nX-Request-Id: ', 'latin1');
const UID = Buffer.from('\r\nMgw-Uid: ', 'latin1');
const SHARD = Buffer.from('\r\nMgw-Shard: ', 'latin1');
const FORWARDED_FOR = Buffer.from('\r\nX-Forwarded-For: ', 'latin1');
const TRACE_ID_BYTES = 16;
const LINE_END = Buffer.from(CRLF, 'latin1');

export class HttpTarget {
  readonly upstreamName: string;
  readonly #pool: HttpPool;
  /** Everything up to the first header of the request's own; null when it follows the request. */
  readonly #start: Buffer | null;
  readonly #verb: Buffer;
  readonly #rest: Buffer;
  readonly #forwarded: readonly Buffer[] | null;

  constructor(pool: HttpPool, options: HttpTargetOptions) {
    this.upstreamName = pool.settings.name;
    this.#pool = pool;
    const added = options.addedHeaders.map(([name, value]) => `${name}: ${value}${CRLF}`).join('');
    const host = ` HTTP/1.1${CRLF}Host: ${options.authority}${CRLF}${added}`;
    const operation = `Operation-Type: ${options.operationType}${CRLF}`;
    this.#verb = latin1(`${options.verb} /`);
    this.#rest = latin1(`${host}Operation-Type: `);
    this.#start =
      options.path === null ? null : latin1(`${options.verb} ${options.path}${host}${operation}`);
    this.#forwarded = options.forwardedHeaders?.map((name) => latin1(name)) ?? null;
  }

  send(call: UpstreamCall): void {
    this.#pool.send(call, this);
  }

  cancel(call: UpstreamCall): void {
    this.#pool.cancel(call);
  }

  resumeStream(call: UpstreamCall): void {
    this.#pool.resumeStream(call);
  }

  /** Appends the whole request of `call`. */
  encode(out: OutBuffer, call: UpstreamCall): void {
    const { request } = call;
    if (this.#start !== null) out.append(this.#start, 0, this.#start.length);
    else this.#appendDynamicStart(out, request);
    out.append(TRACEPARENT, 0, TRACEPARENT.length);
    const traceAt = out.reserve(TRACEPARENT_BYTES);
    writeTraceparent(out.bytes, traceAt, request.trace, call.spanId);
    if (!request.hasRequestIdHeader) appendRequestId(out, request.trace);
    if (call.hasSession) appendIdentity(out, call);
    if (request.clientIp !== '') {
      out.append(FORWARDED_FOR, 0, FORWARDED_FOR.length);
      out.appendLatin1(request.clientIp);
    }
    out.append(LINE_END, 0, 2);
    this.#appendHeaders(out, request);
    appendContentLength(out, request.bodyLength);
    out.append(LINE_END, 0, 2);
    if (request.bodyLength > 0) {
      out.append(request.bodySource, request.bodyOffset, request.bodyLength);
    }
  }

  /** The operation type has no character that could break out of a path; the router checked it. */
  #appendDynamicStart(out: OutBuffer, request: RequestMessage): void {
    const { source, operationOffset, operationLength } = request;
    out.append(this.#verb, 0, this.#verb.length);
    out.append(source, operationOffset, operationLength);
    out.append(this.#rest, 0, this.#rest.length);
    out.append(source, operationOffset, operationLength);
    out.append(LINE_END, 0, 2);
  }

  #appendHeaders(out: OutBuffer, request: RequestMessage): void {
    const isHttp = request.methodLength > 0;
    if (request.headers.count > 0) {
      if (this.#forwarded === null && isHttp) appendLines(out, request);
      else this.#appendChosen(out, request);
    }
    if (isHttp) return;
    if (request.bodyLength === 0 || hasContentType(request)) return;
    const line = CONTENT_TYPE_LINES[request.contentType] ?? CONTENT_TYPE_LINES[ContentType.bytes]!;
    out.append(line, 0, line.length);
  }

  /** One by one: headers of Mmtp, which were never HTTP text, and allow-lists. */
  #appendChosen(out: OutBuffer, { headers, source }: RequestMessage): void {
    const { words } = headers;
    for (let index = 0; index < headers.count; index++) {
      const at = index * HEADER_WORDS;
      const nameOffset = words[at]!;
      const nameLength = words[at + 1]!;
      if (this.#forwarded !== null) {
        const id = recogniseHeader(source, nameOffset, nameLength);
        const isChosen =
          id === HeaderId.contentType ||
          this.#forwarded.some((name) => equalsLower(source, nameOffset, nameLength, name));
        if (!isChosen) continue;
      }
      appendHeaderBytes(out, source, nameOffset, nameLength, words[at + 2]!, words[at + 3]!);
    }
  }
}

/**
 * Copies header lines of an HTTP request. Neighbouring headers whose lines touch are copied as one
 * piece: after hygiene that is usually one or two pieces in all.
 */
function appendLines(out: OutBuffer, { headers, source }: RequestMessage): void {
  const { words, count } = headers;
  let index = 0;
  while (index < count) {
    const start = words[index * HEADER_WORDS]!;
    let end = start;
    for (; index < count; index++) {
      const at = index * HEADER_WORDS;
      if (end !== start && words[at] !== end + 2) break;
      end = words[at + 2]! + words[at + 3]!;
    }
    out.append(source, start, end - start);
    const at = out.reserve(2);
    out.bytes[at] = CR;
    out.bytes[at + 1] = LF;
  }
}

/** The trace id serves as request id where the client brings none: both find the same log lines. */
function appendRequestId(out: OutBuffer, trace: Buffer): void {
  out.append(REQUEST_ID, 0, REQUEST_ID.length);
  const at = out.reserve(TRACE_ID_BYTES * 2);
  writeHex(out.bytes, at, trace, 0, TRACE_ID_BYTES);
}

function appendIdentity(out: OutBuffer, { session }: UpstreamCall): void {
  out.append(UID, 0, UID.length);
  const at = out.reserve(UID_DIGITS_MAX);
  out.length = at + writeUid(session.uidHigh, session.uidLow, out.bytes, at);
  out.append(SHARD, 0, SHARD.length);
  out.appendLatin1(shardText(session));
}

function hasContentType({ headers, source }: RequestMessage): boolean {
  for (let index = 0; index < headers.count; index++) {
    const at = index * HEADER_WORDS;
    const id = recogniseHeader(source, headers.words[at]!, headers.words[at + 1]!);
    if (id === HeaderId.contentType) return true;
  }
  return false;
}

function equalsLower(source: Buffer, offset: number, length: number, name: Buffer): boolean {
  if (length !== name.length) return false;
  for (let i = 0; i < length; i++) if ((source[offset + i]! | 0x20) !== name[i]) return false;
  return true;
}

function latin1(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}
