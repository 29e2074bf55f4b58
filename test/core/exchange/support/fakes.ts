// Stand-ins for the rooms around the exchange driver: a client connection, a service, an observer.
// Each holds the driver to its contract and keeps what happened in order.

import assert from 'node:assert/strict';
import type { GatewayError } from '#core/base/errors.ts';
import { TimerWheel } from '#core/base/timer-wheel.ts';
import { DownstreamProtocol } from '#core/codec/message.ts';
import type { ExchangeObserver } from '#core/exchange/contract.ts';
import { ExchangeDriver } from '#core/exchange/exchange-driver.ts';
import { RetryBudget } from '#core/exchange/retry-budget.ts';
import type { Api, CompiledTarget } from '#core/pipeline/api.ts';
import type { Exchange, ReplyTarget } from '#core/pipeline/exchange.ts';
import type { FilterFactory } from '#core/pipeline/filter.ts';
import { Router } from '#core/routing/router.ts';
import { makeApi, type ApiBase } from '#test/core/pipeline/support/make-api.ts';
import { ManualClock } from '#test/core/telemetry/support/manual-clock.ts';

/** What a client got. */
export interface Reply {
  readonly kind: 'whole' | 'stream';
  readonly serial: number;
  readonly code: number;
  readonly error: GatewayError | null;
  body: string;
  /** Streams: null while it runs, then whether the body was complete. */
  isComplete: boolean | null;
}

/** A client connection. */
export class FakeDownstream implements ReplyTarget {
  readonly protocol: number;
  readonly channel = 1;
  brakes = 0;
  /** What `replyBody` answers. */
  takesMore = true;
  readonly replies: Reply[] = [];

  constructor(protocol: number = DownstreamProtocol.http1) {
    this.protocol = protocol;
  }

  get last(): Reply {
    return this.replies.at(-1)!;
  }

  reply(exchange: Exchange): void {
    const { bodySource, bodyOffset, bodyLength } = exchange.response;
    const body = bodySource.latin1Slice(bodyOffset, bodyOffset + bodyLength);
    this.replies.push({ ...this.#replyOf(exchange, 'whole'), body, isComplete: true });
  }

  replyHead(exchange: Exchange): void {
    this.replies.push(this.#replyOf(exchange, 'stream'));
  }

  replyBody(exchange: Exchange, bytes: Buffer, offset: number, length: number): boolean {
    const reply = this.#streamOf(exchange);
    reply.body += bytes.latin1Slice(offset, offset + length);
    return this.takesMore;
  }

  replyEnd(exchange: Exchange, isComplete: boolean): void {
    this.#streamOf(exchange).isComplete = isComplete;
  }

  pauseReading(): void {
    this.brakes++;
  }

  resumeReading(): void {
    this.brakes--;
  }

  #replyOf(exchange: Exchange, kind: Reply['kind']): Reply {
    const { serial, error, response } = exchange;
    return { kind, serial, code: response.resultCode, error, body: '', isComplete: null };
  }

  #streamOf(exchange: Exchange): Reply {
    const reply = this.replies.at(-1);
    assert.ok(reply?.kind === 'stream', 'a body without a head');
    assert.equal(reply.isComplete, null, 'a body after its end');
    assert.equal(reply.serial, exchange.serial);
    return reply;
  }
}

/** A service: requests stay open until the test ends them. */
export class FakeTarget implements CompiledTarget {
  readonly upstreamName = 'fake';
  /** Exchanges sent and neither ended nor cancelled. */
  readonly open: Exchange[] = [];
  sent = 0;
  cancelled = 0;
  resumed = 0;
  /** Runs inside `send`, after the exchange was taken. */
  onSend: (exchange: Exchange) => void = () => {};

  send(exchange: Exchange): void {
    assert.ok(!this.open.includes(exchange), 'sent twice');
    this.sent++;
    exchange.link = this;
    this.open.push(exchange);
    this.onSend(exchange);
  }

  cancel(exchange: Exchange): void {
    assert.equal(exchange.link, this, 'cancelled without a link');
    this.release(exchange);
    this.cancelled++;
  }

  resumeStream(): void {
    this.resumed++;
  }

  /** Takes the exchange off the link, as a pool does before it tells how the call ended. */
  release(exchange: Exchange): void {
    const index = this.open.indexOf(exchange);
    assert.ok(index >= 0, 'not open');
    this.open.splice(index, 1);
    exchange.link = null;
  }
}

/** Counts what the driver tells. */
export class FakeObserver implements ExchangeObserver {
  started_ = 0;
  retried_ = 0;
  idles = 0;
  readonly completed_: { readonly serial: number; readonly slot: number; readonly code: number }[] =
    [];
  /** `filter.phase` of every filter that failed. */
  readonly failures: string[] = [];
  /** What was told of each. */
  readonly failureErrors: unknown[] = [];

  started(): void {
    this.started_++;
  }

  completed(exchange: Exchange): void {
    const { serial, slot, response } = exchange;
    this.completed_.push({ serial, slot, code: response.resultCode });
  }

  filterFailed(filterName: string, phase: string, error: unknown): void {
    this.failures.push(`${filterName}.${phase}`);
    this.failureErrors.push(error);
  }

  retried(): void {
    this.retried_++;
  }

  idle(): void {
    this.idles++;
  }
}

/** A driver between fakes, on a clock that stands still. */
export class DriverBench {
  readonly clock = new ManualClock();
  readonly target = new FakeTarget();
  readonly observer = new FakeObserver();
  readonly wheel: TimerWheel;
  readonly driver: ExchangeDriver;
  readonly api: Api;

  constructor(
    factories: readonly FilterFactory[] = [],
    overrides: Partial<ApiBase> = {},
    exchangesMax = 100,
  ) {
    this.clock.advance(1000);
    this.wheel = new TimerWheel(this.clock, 5);
    this.driver = new ExchangeDriver({
      clock: this.clock,
      deadlines: this.wheel,
      observer: this.observer,
      retryBudget: new RetryBudget(),
      checkSession: () => false,
      lookahead: null,
      inflateBody: () => true,
      exchangesMax,
    });
    this.api = makeApi({ target: this.target, ...overrides }, factories);
    const unknownApi = makeApi({ isUnknown: true, isEnabled: false, operationType: '' }, factories);
    this.driver.use(new Router({ revision: 1, apis: [this.api], unknownApi }));
  }

  /** Opens an exchange for the API; the body is not there yet. */
  open(downstream: FakeDownstream, body = 'hello'): Exchange {
    this.driver.batchStarted();
    const exchange = this.driver.open(downstream, 1);
    assert.ok(exchange !== null);
    const name = this.api.operationType;
    const bytes = Buffer.from(name + body, 'latin1');
    const { request } = exchange;
    request.source = bytes;
    request.operationLength = name.length;
    request.bodySource = bytes;
    request.bodyOffset = name.length;
    request.bodyLength = body.length;
    return exchange;
  }

  /** A whole request at once. */
  call(downstream: FakeDownstream, body = 'hello'): Exchange {
    const exchange = this.open(downstream, body);
    this.driver.complete(exchange);
    return exchange;
  }

  /** The service answers `exchange`. */
  answer(exchange: Exchange, body = 'answer'): void {
    const bytes = Buffer.from(body, 'latin1');
    this.target.release(exchange);
    const { response } = exchange;
    response.resultCode = 1000;
    response.bodySource = bytes;
    response.bodyOffset = 0;
    response.bodyLength = bytes.length;
    this.driver.answered(exchange);
    bytes.fill(0xdd);
  }

  fail(exchange: Exchange, error: GatewayError): void {
    this.target.release(exchange);
    this.driver.failed(exchange, error);
  }

  /** The head of a streamed answer. */
  startStream(exchange: Exchange): boolean {
    exchange.response.resultCode = 1000;
    return this.driver.streamStarted(exchange);
  }

  stream(exchange: Exchange, piece: string): boolean {
    return this.driver.streamed(exchange, Buffer.from(piece, 'latin1'), 0, piece.length);
  }

  endStream(exchange: Exchange, error: GatewayError | null = null): void {
    this.target.release(exchange);
    this.driver.streamEnded(exchange, error);
  }

  /** Nothing is open, armed or linked. */
  assertEmpty(): void {
    assert.equal(this.driver.openCount, 0);
    assert.equal(this.wheel.armedCount, 0);
    assert.deepEqual(this.target.open, []);
    assert.equal(this.observer.completed_.length, this.observer.started_);
  }
}
