// HOT PATH. What the parser fills in: one HttpHead per connection, reused for every message.
// Invariant: every field is a number, a boolean or an offset into the caller's bytes, so that a
// message costs no allocation. Offsets hold as long as those bytes stay where they are; after a
// move `rebase` corrects them.

import { DecodeStatus } from '../../base/decode-status.ts';
import { HeaderList } from '../message.ts';
import { HEADER_IDS } from './known-headers.ts';
import { describeReason, MalformedReason } from './malformed-reason.ts';

/** Bounds on what a peer may send. All are sizes in bytes but `headersMax`, a count. */
export interface HttpLimits {
  /** Head from its first byte to the empty line, both included. */
  readonly headBytesMax: number;
  /** At most 32,767: the head keeps header indexes in 16 bits. */
  readonly headersMax: number;
  /** Body after removal of the chunked coding. */
  readonly bodyBytesMax: number;
  /** One chunk line without its CRLF; also all chunk extensions of one body together. */
  readonly chunkLineBytesMax: number;
  /** All trailer lines of one body together. */
  readonly trailerBytesMax: number;
}

/** Methods the gateway passes on. All others are refused: it is no tunnel and no WebDAV server. */
export const HttpMethod = {
  none: 0,
  get: 1,
  head: 2,
  post: 3,
  put: 4,
  delete: 5,
  options: 6,
  patch: 7,
  trace: 8,
  query: 9,
} as const;

export type HttpMethod = (typeof HttpMethod)[keyof typeof HttpMethod];

/** What comes next in a head. Everything from `done` on is final until the next `reset()`. */
export const HeadState = {
  fresh: 0,
  requestStart: 1,
  emptyLineLf: 2,
  afterEmptyLine: 3,
  method: 4,
  targetStart: 5,
  target: 6,
  query: 7,
  version: 8,
  requestLineCr: 9,
  statusSpace: 10,
  status: 11,
  statusEnd: 12,
  reason: 13,
  startLineLf: 14,
  fieldStart: 15,
  name: 16,
  valueStart: 17,
  value: 18,
  lengthDigits: 19,
  coding: 20,
  valueTail: 21,
  fieldLf: 22,
  endLf: 23,
  done: 24,
  failed: 25,
} as const;

/** Head of one request or response. Call {@link HttpHead.reset} before each message. */
export class HttpHead {
  /** A {@link HttpMethod}; `none` in responses. */
  method = 0;
  methodOffset = 0;
  methodLength = 0;
  /** Request target as it was sent. */
  targetOffset = 0;
  targetLength = 0;
  /** Path of the target, without query. Length 0: a URL without path was sent; it means "/". */
  pathOffset = 0;
  pathLength = 0;
  /** Query after the question mark; length 0 when there is none. */
  queryOffset = 0;
  queryLength = 0;
  /**
   * Host and port the request is for: of the target if that is a URL (RFC 9112 section 3.2.2),
   * else the value of Host. Length 0: an HTTP/1.0 request without Host, or a response.
   */
  authorityOffset = 0;
  authorityLength = 0;
  isHttp10 = false;
  /** Responses: 100..999. Requests: 0. */
  status = 0;
  reasonOffset = 0;
  reasonLength = 0;
  readonly headers = new HeaderList();
  /** Id of each header, parallel to `headers`; entries from `headers.count` on mean nothing. */
  headerIds = new Uint8Array(FIRST_IDS);
  /** Index of the first header with an id, or -1. */
  readonly known = new Int16Array(HEADER_IDS).fill(-1);
  /** Bytes from the message's start to the end of its empty line, once the head is complete. */
  headBytes = 0;
  /** Value of Content-Length; -1 when there is none. */
  contentLength = -1;
  isChunked = false;
  /**
   * Another message may follow on the connection: by version and Connection. Responses whose body
   * ends with the connection say so by their body kind, not here.
   */
  keepAlive = false;
  /** The client waits for 100 Continue before it sends the body. */
  expectContinue = false;
  /** Expect has something else than 100-continue: 417 is the answer (RFC 9110 section 10.1.1). */
  hasOtherExpectation = false;
  /** Upgrade is there and Connection lists it. */
  hasUpgrade = false;
  /** Connection lists something else than close and keep-alive: those headers must not cross. */
  hasConnectionTokens = false;
  /** A {@link MalformedReason}. */
  malformedReason: number = MalformedReason.none;

  // Progress of the parser, so that bytes are looked at once however they arrive.
  state: number = HeadState.fresh;
  failure: DecodeStatus = DecodeStatus.malformed;
  /** Offsets of the message's first byte, of the next byte to look at and of the open token. */
  base = 0;
  scanAt = 0;
  markAt = 0;
  nameAt = 0;
  nameLength = 0;
  /** Id of the header whose value is open. */
  headerId = 0;
  hasClose = false;
  hasKeepAlive = false;
  listsUpgrade = false;

  /** Back to an empty head, keeping memory. */
  reset(): void {
    const { known, headerIds } = this;
    for (let index = this.headers.count - 1; index >= 0; index--) known[headerIds[index]!] = -1;
    this.headers.clear();
    this.method = this.methodOffset = this.methodLength = 0;
    this.targetOffset = this.targetLength = 0;
    this.pathOffset = this.pathLength = 0;
    this.queryOffset = this.queryLength = 0;
    this.authorityOffset = this.authorityLength = 0;
    this.isHttp10 = false;
    this.status = this.reasonOffset = this.reasonLength = 0;
    this.headBytes = 0;
    this.contentLength = -1;
    this.isChunked = false;
    this.keepAlive = false;
    this.expectContinue = false;
    this.hasOtherExpectation = false;
    this.hasUpgrade = false;
    this.hasConnectionTokens = false;
    this.malformedReason = MalformedReason.none;
    this.state = HeadState.fresh;
    this.failure = DecodeStatus.malformed;
    this.base = this.scanAt = this.markAt = 0;
    this.nameAt = this.nameLength = this.headerId = 0;
    this.hasClose = false;
    this.hasKeepAlive = false;
    this.listsUpgrade = false;
  }

  /** Corrects every offset after the message's bytes were moved so that it starts at `start`. */
  rebase(start: number): void {
    const delta = start - this.base;
    if (delta === 0) return;
    this.methodOffset += delta;
    this.targetOffset += delta;
    this.pathOffset += delta;
    this.queryOffset += delta;
    this.authorityOffset += delta;
    this.reasonOffset += delta;
    this.headers.shift(delta);
    this.base = start;
    this.scanAt += delta;
    this.markAt += delta;
    this.nameAt += delta;
  }

  /** Appends one header and remembers the first one of its id. */
  add(id: number, nameAt: number, nameLength: number, valueAt: number, valueLength: number): void {
    const index = this.headers.count;
    if (index === this.headerIds.length) this.#growIds();
    this.headerIds[index] = id;
    if (this.known[id]! < 0) this.known[id] = index;
    this.headers.add(nameAt, nameLength, valueAt, valueLength);
  }

  /** Ends the parse: the message is refused. Nothing but `reset()` undoes it. */
  fail(reason: number, status: DecodeStatus = DecodeStatus.malformed): void {
    this.state = HeadState.failed;
    this.failure = status;
    this.malformedReason = reason;
  }

  /** Why the message was refused, for logs. */
  describeReason(): string {
    return describeReason(this.malformedReason);
  }

  #growIds(): void {
    const grown = new Uint8Array(this.headerIds.length * 2);
    grown.set(this.headerIds);
    this.headerIds = grown;
  }
}

const FIRST_IDS = 64;
