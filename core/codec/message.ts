// HOT PATH. The one request and response form between the rooms: downstream codecs fill a
// RequestMessage, filters read and change it, upstream adapters encode it, and the same backwards.
// Every field is an offset into a buffer that somebody else owns, so a message costs no allocation.
//
// SAFETY: views are valid only until control returns to the event loop. Who keeps a message longer
// (a paused filter, a full pool, a body still arriving) calls `retain()` first.

/** Body encodings named by Mmtp's CONTENT_TYPE and by HTTP media types. */
export const ContentType = { json: 0, protobuf: 1, bytes: 2 } as const;

/** Downstream protocols. */
export const DownstreamProtocol = { mmtp: 0, http1: 1 } as const;
export type DownstreamProtocol = (typeof DownstreamProtocol)[keyof typeof DownstreamProtocol];

const EMPTY = Buffer.alloc(0);

/**
 * Int32 words a header takes in {@link HeaderList.words}: name offset, name length, value offset,
 * value length.
 */
export const HEADER_WORDS = 4;

const FIRST_HEADERS = 16;

/** Positions of name/value pairs in one buffer, in order of arrival, duplicates kept. */
export class HeaderList {
  words = new Int32Array(FIRST_HEADERS * HEADER_WORDS);
  count = 0;

  /** Appends one header; the caller has checked its own limit on the number of headers. */
  add(nameOffset: number, nameLength: number, valueOffset: number, valueLength: number): void {
    const at = this.count * HEADER_WORDS;
    if (at === this.words.length) this.#grow();
    const words = this.words;
    words[at] = nameOffset;
    words[at + 1] = nameLength;
    words[at + 2] = valueOffset;
    words[at + 3] = valueLength;
    this.count++;
  }

  clear(): void {
    this.count = 0;
  }

  /** Becomes a copy of `other`. */
  copyFrom(other: HeaderList): void {
    const { words, count } = other;
    while (this.words.length < count * HEADER_WORDS) this.#grow();
    const own = this.words;
    for (let i = 0; i < count * HEADER_WORDS; i++) own[i] = words[i]!;
    this.count = count;
  }

  /** Moves every offset by `delta`, after the underlying bytes were moved. */
  shift(delta: number): void {
    const words = this.words;
    for (let i = 0; i < this.count * HEADER_WORDS; i += 2) words[i] = words[i]! + delta;
  }

  #grow(): void {
    const grown = new Int32Array(this.words.length * 2);
    grown.set(this.words);
    this.words = grown;
  }
}

/**
 * Finds the first header whose name equals `lowerName`, ignoring ASCII case.
 *
 * @param from index to start at
 * @returns its index in `headers`, or -1
 */
export function findHeader(
  headers: HeaderList,
  source: Buffer,
  lowerName: string,
  from = 0,
): number {
  const words = headers.words;
  const length = lowerName.length;
  for (let index = from; index < headers.count; index++) {
    const at = index * HEADER_WORDS;
    if (words[at + 1] !== length) continue;
    const offset = words[at]!;
    let i = 0;
    while (i < length) {
      const byte = source[offset + i]!;
      const lower = byte >= 65 && byte <= 90 ? byte | 32 : byte;
      if (lower !== lowerName.charCodeAt(i)) break;
      i++;
    }
    if (i === length) return index;
  }
  return -1;
}

/**
 * The value of the first header named `lowerName` as text, or undefined. Cold path: makes a string.
 */
export function headerText(
  headers: HeaderList,
  source: Buffer,
  lowerName: string,
): string | undefined {
  const index = findHeader(headers, source, lowerName);
  return index < 0 ? undefined : headerTextAt(headers, source, index);
}

/** Value of the header at `index`, as Latin-1 text. Cold path only: makes a string. */
export function headerTextAt({ words }: HeaderList, source: Buffer, index: number): string {
  const at = index * HEADER_WORDS;
  const offset = words[at + 2]!;
  return source.latin1Slice(offset, offset + words[at + 3]!);
}

/** Trace context as W3C sees it: 16 bytes trace id, 8 bytes parent span id, 1 byte flags. */
export const TRACE_BYTES = 25;

/** One request, whatever protocol brought it. Offsets point into `source` unless said otherwise. */
export class RequestMessage {
  /** Bytes that all offsets without a buffer of their own point into. */
  source: Buffer = EMPTY;
  operationOffset = 0;
  operationLength = 0;
  appIdOffset = 0;
  appIdLength = 0;
  workspaceIdOffset = 0;
  workspaceIdLength = 0;
  /** Where the device id is: null means `source`; else bytes of the connection (INIT). */
  deviceSource: Buffer | null = null;
  deviceIdOffset = 0;
  deviceIdLength = 0;
  signOffset = 0;
  signLength = 0;
  signType = 0;
  requestIdOffset = 0;
  requestIdLength = 0;
  /** Client address as text (peer, or told by a trusted access layer). Empty when unknown. */
  clientIp = '';
  /** Raw session bytes: where they are. Length 0: none. Length -1: present but not decodable. */
  sessionSource: Buffer = EMPTY;
  sessionOffset = 0;
  sessionLength = 0;
  /** HTTP: the session as base64url text in `source`; who needs it decodes it. Length 0: none. */
  sessionTextOffset = 0;
  sessionTextLength = 0;
  /** Client time in ms since the epoch; 0 when absent. */
  timestampMs = 0;
  /** Time the client still gives this call, in ms; 0 when absent. */
  timeoutMs = 0;
  /** Split bucket 0..9999 decided by a trusted hop before; -1 when absent. */
  bucket = -1;
  attempt = 0;
  /** Mmtp flags (CAN_RESEND, ONEWAY ...); 0 for HTTP. */
  flags = 0;
  /** Mmtp channel; 1 (RPC) for HTTP. */
  channel = 0;
  contentType: number = ContentType.json;
  /** Trace context bytes, valid when `hasTrace`. */
  readonly trace = Buffer.alloc(TRACE_BYTES);
  hasTrace = false;
  readonly headers = new HeaderList();
  bodySource: Buffer = EMPTY;
  bodyOffset = 0;
  bodyLength = 0;
  /** HTTP only: method and request target; length 0 for Mmtp. */
  methodOffset = 0;
  methodLength = 0;
  targetOffset = 0;
  targetLength = 0;
  /**
   * HTTP only: the operation type is the last segment of the path, not the Operation-Type header.
   */
  isPathRouted = false;
  /** The client sent an X-Request-Id of its own. */
  hasRequestIdHeader = false;

  /** Back to the empty request, keeping memory. */
  reset(): void {
    this.source = EMPTY;
    this.operationOffset = this.operationLength = 0;
    this.appIdOffset = this.appIdLength = 0;
    this.workspaceIdOffset = this.workspaceIdLength = 0;
    this.deviceSource = null;
    this.deviceIdOffset = this.deviceIdLength = 0;
    this.signOffset = this.signLength = this.signType = 0;
    this.requestIdOffset = this.requestIdLength = 0;
    this.clientIp = '';
    this.sessionSource = EMPTY;
    this.sessionOffset = this.sessionLength = 0;
    this.sessionTextOffset = this.sessionTextLength = 0;
    this.timestampMs = 0;
    this.timeoutMs = 0;
    this.bucket = -1;
    this.attempt = 0;
    this.flags = 0;
    this.channel = 0;
    this.contentType = ContentType.json;
    this.hasTrace = false;
    this.headers.clear();
    this.bodySource = EMPTY;
    this.bodyOffset = this.bodyLength = 0;
    this.methodOffset = this.methodLength = 0;
    this.targetOffset = this.targetLength = 0;
    this.isPathRouted = false;
    this.hasRequestIdHeader = false;
  }

  /** Makes `source[offset, offset + length)` the body. */
  setBody(source: Buffer, offset: number, length: number): void {
    this.bodySource = source;
    this.bodyOffset = offset;
    this.bodyLength = length;
  }

  /**
   * Copies everything the offsets point at into memory of its own, so that the message outlives the
   * read buffer. Costs one allocation; called only when a request has to wait.
   */
  retain(): void {
    this.moveTo(Buffer.allocUnsafeSlow(this.byteLength()), 0);
  }

  /** Bytes that {@link RequestMessage.moveTo} needs. */
  byteLength(): number {
    const { start, end } = this.#extent();
    const deviceBytes = this.deviceSource === null ? 0 : this.deviceIdLength;
    return end - start + deviceBytes + Math.max(0, this.sessionLength) + this.bodyLength;
  }

  /** Copies everything the offsets point at to `target[at ...)`, and points there from now on. */
  moveTo(target: Buffer, at: number): void {
    const { start, end } = this.#extent();
    let to = at + this.source.copy(target, at, start, end);
    if (this.deviceSource !== null) {
      const { deviceSource, deviceIdOffset, deviceIdLength } = this;
      deviceSource.copy(target, to, deviceIdOffset, deviceIdOffset + deviceIdLength);
      this.deviceSource = target;
      this.deviceIdOffset = to;
      to += deviceIdLength;
    }
    const { sessionOffset, sessionLength, bodyOffset, bodyLength } = this;
    if (sessionLength > 0) {
      this.sessionSource.copy(target, to, sessionOffset, sessionOffset + sessionLength);
      this.sessionSource = target;
      this.sessionOffset = to;
      to += sessionLength;
    }
    this.bodySource.copy(target, to, bodyOffset, bodyOffset + bodyLength);
    this.setBody(target, to, bodyLength);
    this.shift(at - start);
    this.source = target;
  }

  /** The part of `source` that the offsets use. */
  #extent(): { start: number; end: number } {
    const extent = { start: Number.MAX_SAFE_INTEGER, end: 0 };
    widen(extent, this.operationOffset, this.operationLength);
    widen(extent, this.appIdOffset, this.appIdLength);
    widen(extent, this.workspaceIdOffset, this.workspaceIdLength);
    if (this.deviceSource === null) widen(extent, this.deviceIdOffset, this.deviceIdLength);
    widen(extent, this.signOffset, this.signLength);
    widen(extent, this.requestIdOffset, this.requestIdLength);
    widen(extent, this.sessionTextOffset, this.sessionTextLength);
    widen(extent, this.methodOffset, this.methodLength);
    widen(extent, this.targetOffset, this.targetLength);
    widenByHeaders(extent, this.headers);
    return extent.end === 0 ? { start: 0, end: 0 } : extent;
  }

  /** Moves every offset into `source` by `delta`; one of a field that is not there becomes 0. */
  shift(delta: number): void {
    this.operationOffset = moved(this.operationOffset, this.operationLength, delta);
    this.appIdOffset = moved(this.appIdOffset, this.appIdLength, delta);
    this.workspaceIdOffset = moved(this.workspaceIdOffset, this.workspaceIdLength, delta);
    if (this.deviceSource === null) {
      this.deviceIdOffset = moved(this.deviceIdOffset, this.deviceIdLength, delta);
    }
    this.signOffset = moved(this.signOffset, this.signLength, delta);
    this.requestIdOffset = moved(this.requestIdOffset, this.requestIdLength, delta);
    this.sessionTextOffset = moved(this.sessionTextOffset, this.sessionTextLength, delta);
    this.methodOffset = moved(this.methodOffset, this.methodLength, delta);
    this.targetOffset = moved(this.targetOffset, this.targetLength, delta);
    this.headers.shift(delta);
  }
}

/** One answer. Upstream adapters and filters fill it; the downstream connection encodes it. */
export class ResponseMessage {
  /** Result code the client sees (1000 success ...); 0 while undecided. */
  resultCode = 0;
  /** HTTP status of an HTTP upstream; 200 otherwise. */
  httpStatus = 200;
  /** Texts that replace the defaults of the result code; empty: use the default. */
  memo = '';
  tips = '';
  contentType: number = ContentType.json;
  /** Bytes the header offsets point into. */
  headerSource: Buffer = EMPTY;
  readonly headers = new HeaderList();
  /** Headers added by the gateway: name, value, name, value ... */
  readonly added: string[] = [];
  bodySource: Buffer = EMPTY;
  bodyOffset = 0;
  bodyLength = 0;
  /** The body follows in pieces after the head (HTTP to HTTP only). */
  isStreaming = false;
  /** Streaming: the body's length if the upstream told it, else -1. */
  streamBytes = -1;
  /** A filter gave an answer that passed the response phases before: they do not run again. */
  isFinal = false;

  /** Back to the empty answer, keeping memory. */
  reset(): void {
    this.resultCode = 0;
    this.httpStatus = 200;
    this.memo = '';
    this.tips = '';
    this.contentType = ContentType.json;
    this.headerSource = EMPTY;
    this.headers.clear();
    // PERF: setting the length of an array is a call, even where nothing changes.
    if (this.added.length > 0) this.added.length = 0;
    this.bodySource = EMPTY;
    this.bodyOffset = this.bodyLength = 0;
    this.isStreaming = false;
    this.streamBytes = -1;
    this.isFinal = false;
  }

  /** Copies headers and body into memory of their own, so that they outlive the read buffer. */
  retain(): void {
    this.moveTo(Buffer.allocUnsafeSlow(this.byteLength()), 0);
  }

  /** Bytes that {@link ResponseMessage.moveTo} needs. */
  byteLength(): number {
    const { start, end } = headerExtent(this.headers);
    return end - start + this.bodyLength;
  }

  /** Copies headers and body to `target[at ...)`, and points there from now on. */
  moveTo(target: Buffer, at: number): void {
    const { start, end } = headerExtent(this.headers);
    if (end > start) this.headerSource.copy(target, at, start, end);
    this.headers.shift(at - start);
    this.headerSource = target;
    const to = at + end - start;
    const { bodyOffset, bodyLength } = this;
    this.bodySource.copy(target, to, bodyOffset, bodyOffset + bodyLength);
    this.bodySource = target;
    this.bodyOffset = to;
  }
}

interface Extent {
  start: number;
  end: number;
}

/** An offset of nothing must not end up outside of the buffer: reading there would throw. */
function moved(offset: number, length: number, delta: number): number {
  return length > 0 ? offset + delta : 0;
}

function widen(extent: Extent, offset: number, length: number): void {
  if (length > 0) include(extent, offset, length);
}

function include(extent: Extent, offset: number, length: number): void {
  if (offset < extent.start) extent.start = offset;
  if (offset + length > extent.end) extent.end = offset + length;
}

/** The part of their source that `headers` use. */
function headerExtent(headers: HeaderList): Extent {
  const extent = { start: Number.MAX_SAFE_INTEGER, end: 0 };
  widenByHeaders(extent, headers);
  return extent.end === 0 ? { start: 0, end: 0 } : extent;
}

function widenByHeaders(extent: Extent, headers: HeaderList): void {
  const words = headers.words;
  for (let i = 0; i < headers.count * HEADER_WORDS; i += 2) {
    // Empty values too: their offsets move with the others.
    include(extent, words[i]!, words[i + 1]!);
  }
}
