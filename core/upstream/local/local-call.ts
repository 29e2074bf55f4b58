// What a handler in this process gets to know of a request. One small object a request: a handler
// may hold it as long as it likes, so it must never show the data of the next request.
//
//   running ──handler returned a promise──▶ kept ──settled, deadline, client gone──▶ ended
//      └───────────────────handler returned─────────────────────────────────────────▶
//
// SAFETY: while running, bytes are read in place, in the buffer that the socket read into; a kept
// call has memory of its own; an ended one refuses.

import { HeaderList, headerText, type RequestMessage } from '#core/codec/message.ts';
import { uidText } from '#core/codec/session/uid.ts';
import { shardText } from '../identity.ts';
import type { UpstreamCall } from '../contract.ts';
import { CONTENT_TYPE_NAMES, type ContentTypeName } from './local-answer.ts';

/** One request as a handler sees it. */
export interface LocalCall {
  readonly operationType: string;
  /** The request came with a valid session. */
  readonly hasSession: boolean;
  /** User id of the session, decimal; empty without a session. */
  readonly uid: string;
  /** Shard of the user, two digits; empty without a session. */
  readonly shard: string;
  /** Login level of the session, 0..255; 0 without one. */
  readonly loginLevel: number;
  /** What the client says that the body is. */
  readonly contentType: ContentTypeName;
  /** Bytes of the body. */
  readonly bodyLength: number;
  /** The body in memory of its own: good for as long as it is held. */
  readonly body: Buffer;
  /**
   * The body where it was received, without a copy. Good until the handler returns, or until its
   * first `await`: afterwards these bytes are those of other requests.
   */
  readonly view: Buffer;
  /** The body as UTF-8 text. */
  text(): string;
  /**
   * The first request header of that name; the gateway's own are not among them.
   *
   * @param lowerName in lower case
   */
  header(lowerName: string): string | undefined;
  /** Ms until the client gets 4001; below 0 when it has got it. */
  readonly timeLeftMs: number;
  /** Aborted when nobody waits for the answer any more: too late, or the client is gone. */
  readonly signal: AbortSignal;
}

const EMPTY = Buffer.alloc(0);
const NO_HEADERS = new HeaderList();

/** {@link LocalCall} of one request, with what the gateway does to it. */
export class OpenLocalCall implements LocalCall {
  readonly operationType: string;
  readonly hasSession: boolean;
  readonly shard: string;
  readonly loginLevel: number;
  readonly contentType: ContentTypeName;
  readonly bodyLength: number;
  /** Nobody waits for the answer any more. */
  isAborted = false;
  readonly #uidHigh: number;
  readonly #uidLow: number;
  readonly #deadlineMs: number;
  readonly #nowMs: () => number;
  #source: Buffer;
  #offset: number;
  #headers: HeaderList;
  #headerSource: Buffer;
  #body: Buffer | null = null;
  #isEnded = false;
  #controller: AbortController | null = null;

  /** @param nowMs the clock that `call.deadlineMs` is on */
  constructor(call: UpstreamCall, operationType: string, nowMs: () => number) {
    const { request, session, hasSession } = call;
    this.operationType = operationType;
    this.hasSession = hasSession;
    this.shard = hasSession ? shardText(session) : '';
    this.loginLevel = hasSession ? session.loginLevel : 0;
    this.contentType = CONTENT_TYPE_NAMES[request.contentType] ?? 'bytes';
    this.bodyLength = request.bodyLength;
    this.#uidHigh = session.uidHigh;
    this.#uidLow = session.uidLow;
    this.#deadlineMs = call.deadlineMs;
    this.#nowMs = nowMs;
    this.#source = request.bodySource;
    this.#offset = request.bodyOffset;
    this.#headers = request.headers;
    this.#headerSource = request.source;
  }

  get uid(): string {
    return this.hasSession ? uidText(this.#uidHigh, this.#uidLow) : '';
  }

  get body(): Buffer {
    this.#body ??= Buffer.from(this.view);
    return this.#body;
  }

  get view(): Buffer {
    this.#mustBeOpen();
    return this.#source.subarray(this.#offset, this.#offset + this.bodyLength);
  }

  text(): string {
    this.#mustBeOpen();
    return this.#source.utf8Slice(this.#offset, this.#offset + this.bodyLength);
  }

  header(lowerName: string): string | undefined {
    this.#mustBeOpen();
    return headerText(this.#headers, this.#headerSource, lowerName);
  }

  get timeLeftMs(): number {
    return this.#deadlineMs - this.#nowMs();
  }

  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.isAborted) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  /** The handler goes on later: `request` has memory of its own now, which this call shares. */
  keep(request: RequestMessage): void {
    this.#source = request.bodySource;
    this.#offset = request.bodyOffset;
    this.#headerSource = request.source;
    if (request.headers.count === 0) {
      this.#headers = NO_HEADERS;
      return;
    }
    // The list belongs to the request's object, which is used again.
    this.#headers = new HeaderList();
    this.#headers.copyFrom(request.headers);
  }

  /** The call has its answer. */
  end(): void {
    this.#isEnded = true;
    this.#source = this.#headerSource = EMPTY;
    this.#headers = NO_HEADERS;
  }

  /** The call ends without its answer. */
  abort(): void {
    this.isAborted = true;
    this.end();
    this.#controller?.abort();
  }

  #mustBeOpen(): void {
    if (!this.#isEnded) return;
    const what = `The call of "${this.operationType}" has ended`;
    throw new Error(`${what}; take body, text or headers before its answer`);
  }
}
