// A call as pools see it, and an observer that holds it to the contract: after `send` exactly one
// of answered, failed or streamEnded, and nothing after a cancel.

import assert from 'node:assert/strict';
import type { GatewayError } from '#core/base/errors.ts';
import { RequestMessage, ResponseMessage } from '#core/codec/message.ts';
import { SessionView } from '#core/codec/session/types.ts';
import type { UpstreamCall, UpstreamObserver } from '#core/upstream/contract.ts';

/** What has become of a call. */
export type CallEnd = 'open' | 'answered' | 'failed' | 'streamed' | 'cancelled';

let calls = 0;

/** One call of a test. */
export class TestCall implements UpstreamCall {
  readonly name = `call-${++calls}`;
  readonly request = new RequestMessage();
  readonly response = new ResponseMessage();
  readonly session = new SessionView();
  readonly hasSession = false;
  readonly spanId = Buffer.alloc(8, 7);
  deadlineMs = Number.MAX_SAFE_INTEGER;
  link: object | null = null;
  linkId = 0;
  isSent = false;
  attempts = 1;
  linkPrev: UpstreamCall | null = null;
  linkNext: UpstreamCall | null = null;
  acceptsStream = false;
  error: GatewayError | null = null;
  end: CallEnd = 'open';
  /** The body that arrived, whole or in pieces. */
  body = '';
  isRetained = false;

  /** A request whose body is `body`, in memory that {@link spoil} destroys. */
  fill(body: string): this {
    const bytes = Buffer.from(`test.call${body}`, 'latin1');
    const { request } = this;
    request.source = bytes;
    request.operationLength = 'test.call'.length;
    request.bodySource = bytes;
    request.bodyOffset = 'test.call'.length;
    request.bodyLength = body.length;
    return this;
  }

  /** The read buffer of the request is used again: only what was retained survives. */
  spoil(): void {
    if (!this.isRetained) this.request.source.fill(0xdd);
  }

  refuse(error: GatewayError): void {
    this.error = error;
    this.response.resultCode = error.resultCode;
  }

  retainRequest(): void {
    if (this.isRetained) return;
    this.isRetained = true;
    this.request.retain();
  }
}

/** Checks the contract; tests read the calls. */
export class TestObserver implements UpstreamObserver {
  readonly #nowMs: () => number;
  readonly ended: TestCall[] = [];
  readonly relievedLinks: object[] = [];
  readonly congestedLinks: object[] = [];
  /** What `streamStarted` and `streamed` answer. */
  takesStream = true;
  /** Runs when a call fails, after it was noted. */
  onFailed: (call: TestCall, error: GatewayError) => void = () => {};

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  get nowMs(): number {
    return this.#nowMs();
  }

  batchStarted(): void {}

  answered(call: UpstreamCall): void {
    const { bodySource, bodyOffset, bodyLength } = call.response;
    const ended = this.#end(call, 'answered');
    ended.body = bodySource.latin1Slice(bodyOffset, bodyOffset + bodyLength);
  }

  failed(call: UpstreamCall, error: GatewayError): void {
    const failed = this.#end(call, 'failed');
    failed.error = error;
    this.onFailed(failed, error);
  }

  streamStarted(call: UpstreamCall): boolean {
    assert.equal((call as TestCall).end, 'open');
    return this.takesStream;
  }

  streamed(call: UpstreamCall, bytes: Buffer, offset: number, length: number): boolean {
    const streamed = call as TestCall;
    assert.equal(streamed.end, 'open');
    streamed.body += bytes.latin1Slice(offset, offset + length);
    return this.takesStream;
  }

  streamEnded(call: UpstreamCall, error: GatewayError | null): void {
    this.#end(call, 'streamed').error = error;
  }

  congested(_call: UpstreamCall, link: object): void {
    this.congestedLinks.push(link);
  }

  relieved(link: object): void {
    this.relievedLinks.push(link);
  }

  #end(call: UpstreamCall, end: CallEnd): TestCall {
    const ended = call as TestCall;
    assert.equal(ended.end, 'open', `${ended.name}: ${end} after ${ended.end}`);
    assert.equal(ended.link, null, `${ended.name} ended and is still linked`);
    ended.end = end;
    this.ended.push(ended);
    return ended;
  }
}
