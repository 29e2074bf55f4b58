// HOT PATH. The life of every request: the state machine that joins downstream, pipeline and
// upstream. Synchronous; where a filter pauses or the upstream is awaited, the next event goes on.
//
//   open ─▶ requestHead ─▶ [awaitingBody] ─▶ requestBody ─▶ routed ─▶ upstream
//               │ reply          │ refuse        │ reply      │ reply    │ answered,
//               │                │               │            │          │ failed, deadline
//               └────────────────┴───────────────┴────────────┴──────────┤
//                                                                        ▼
//   free ◀─ done ◀─ reply to client ◀─ responseBody ◀──────────── responseHead
//            ▲                                                           │ streamed answer
//            └────────────────────────── streaming ◀────────────────────┘
//   abort (client gone or cancelled) leads from every state to done, without a reply.

import { Errors, type GatewayError } from '#core/base/errors.ts';
import { UNARMED, type TimerWheel } from '#core/base/timer-wheel.ts';
import type { PhaseChain } from '#core/pipeline/chain.ts';
import {
  ExchangeState,
  type Exchange,
  type ExchangeResumer,
  type ReplyTarget,
} from '#core/pipeline/exchange.ts';
import { FilterStatus } from '#core/pipeline/filter.ts';
import type { Router } from '#core/routing/router.ts';
import { BatchClock } from './batch-clock.ts';
import { Brakes } from './brakes.ts';
import type { ExchangeDriverOptions, ExchangeObserver, SessionCheck } from './contract.ts';
import { ExchangePool } from './exchange-pool.ts';
import { isCompressed } from './inflate-body.ts';
import { isRepeatable, type RetryBudget } from './retry-budget.ts';
import { runComplete, runPhase } from './run-phase.ts';
import { StagedRequests } from './staged-requests.ts';

/** A client that takes nothing of a streamed answer for this long loses it. Ms. */
const STALL_MS = 30_000;

/** Runs all exchanges of one lane. */
export class ExchangeDriver implements ExchangeResumer {
  readonly checkSession: SessionCheck;
  readonly canTake = true;
  readonly #clock: BatchClock;
  readonly #deadlines: TimerWheel;
  readonly #observer: ExchangeObserver;
  readonly #retryBudget: RetryBudget;
  readonly #exchanges: ExchangePool;
  readonly #brakes = new Brakes();
  readonly #staged: StagedRequests;
  readonly #inflateBody: ExchangeDriverOptions['inflateBody'];
  readonly #filterFailed = (exchange: Exchange, chain: PhaseChain, error: unknown) => {
    this.#observer.filterFailed(chain.names[exchange.filterIndex]!, chain.phase, error);
    this.#dropStream(exchange);
  };
  #router!: Router; // Set by `use` before the first request.

  constructor(options: ExchangeDriverOptions) {
    this.#clock = new BatchClock(options.clock);
    this.#deadlines = options.deadlines;
    this.#observer = options.observer;
    this.#retryBudget = options.retryBudget;
    this.checkSession = options.checkSession;
    this.#inflateBody = options.inflateBody;
    this.#staged = new StagedRequests(options.lookahead);
    const { exchangesMax } = options;
    this.#exchanges = new ExchangePool(this, (late) => this.#deadlinePassed(late), exchangesMax);
  }

  get nowMs(): number {
    return this.#clock.nowMs;
  }

  /** Unix seconds of this batch. */
  get wallSeconds(): number {
    return this.#clock.wallSeconds;
  }

  /** Exchanges that are open now. */
  get openCount(): number {
    return this.#exchanges.openCount;
  }

  /** New requests follow `router` from now on; open ones keep what they started with. */
  use(router: Router): void {
    this.#router = router;
  }

  batchStarted(): void {
    this.#clock.start();
  }

  /** Requests beyond `exchangesMax` are told so: there is nothing to wait for. */
  awaitRoom(): void {}
  closed(): void {}

  open(downstream: ReplyTarget, streamId: number): Exchange | null {
    const exchange = this.#exchanges.take();
    if (exchange === null) return null;
    exchange.state = ExchangeState.requestHead;
    exchange.downstream = downstream;
    exchange.protocol = downstream.protocol;
    exchange.streamId = streamId;
    exchange.startedMs = this.#clock.nowMs;
    this.#observer.started(exchange);
    return exchange;
  }

  begin(exchange: Exchange): void {
    exchange.api = this.#router.find(exchange.request);
    this.#advance(exchange);
  }

  complete(exchange: Exchange): void {
    this.#completed(exchange);
    this.proceed(exchange);
  }

  /** As `complete`, at the latest in `runStaged`. @param tag for the `before` of that */
  stage(exchange: Exchange, tag = 0): void {
    if (this.#staged.isFull) this.runStaged();
    this.#completed(exchange);
    this.#staged.add(exchange, tag);
  }

  /** Runs what was staged, in order. @param before is told the tag of each when it comes to it */
  runStaged(before: ((tag: number) => void) | null = null): void {
    this.#staged.run(before, this);
  }

  #completed(exchange: Exchange): void {
    exchange.isBodyComplete = true;
    exchange.receivedMs = this.#clock.nowMs;
    exchange.isRetained = false; // What a pause before kept lacks the body.
    exchange.requestBytes = exchange.request.bodyLength;
    exchange.api ??= this.#router.find(exchange.request);
  }

  /** Goes on with a request that is whole: the second half of `complete`. */
  proceed(exchange: Exchange): void {
    if (exchange.state === ExchangeState.awaitingBody) {
      exchange.enter(ExchangeState.requestBody);
    }
    if (!exchange.isPaused) this.#advance(exchange);
    else exchange.retainRequest();
  }

  refuse(exchange: Exchange, error: GatewayError): void {
    exchange.api ??= this.#router.unknownApi;
    if (exchange.isPaused) exchange.endPause();
    exchange.refuse(error);
    this.answered(exchange);
  }

  abort(exchange: Exchange, error: GatewayError): void {
    if (exchange.state === ExchangeState.free) return;
    if (exchange.link !== null) exchange.api?.target?.cancel(exchange);
    exchange.downstream = null;
    exchange.refuse(error);
    this.#done(exchange);
  }

  streamWritable(exchange: Exchange): void {
    if (exchange.state === ExchangeState.streaming) exchange.api?.target?.resumeStream(exchange);
  }

  resume(exchange: Exchange, serial: number, status: number): void {
    if (exchange.serial !== serial || !exchange.isPaused) return;
    this.#clock.start();
    exchange.endPause();
    const current = exchange.serial;
    exchange.filterIndex++;
    if (status === FilterStatus.reply) this.#filterReplied(exchange);
    else this.#advance(exchange);
    if (exchange.serial === current && exchange.state === ExchangeState.streaming) {
      exchange.api!.target!.resumeStream(exchange);
    }
  }

  /** The whole answer is in `exchange.response`, as views that are valid during this call. */
  answered(exchange: Exchange): void {
    exchange.answeredMs = this.#clock.nowMs;
    exchange.enter(ExchangeState.responseHead);
    this.#advance(exchange);
  }

  /** The upstream gave up. */
  failed(exchange: Exchange, error: GatewayError): void {
    // Nothing of what the service had begun to say belongs to what comes now.
    exchange.response.reset();
    exchange.error = null;
    if (isRepeatable(exchange, error, this.#clock.nowMs) && this.#retryBudget.tryTake()) {
      this.#observer.retried(exchange);
      this.#send(exchange);
      return;
    }
    exchange.refuse(error);
    this.answered(exchange);
  }

  /**
   * Head of an answer whose body comes in pieces.
   *
   * @returns false: hold the body back until {@link CompiledTarget.resumeStream}; or the answer is
   *   not wanted any more and was cancelled
   */
  streamStarted(exchange: Exchange): boolean {
    const { serial } = exchange;
    exchange.response.isStreaming = true;
    exchange.answeredMs = this.#clock.nowMs;
    exchange.enter(ExchangeState.responseHead);
    this.#advance(exchange);
    return exchange.serial === serial && exchange.state === ExchangeState.streaming;
  }

  /** False: the client is congested; stop until {@link CompiledTarget.resumeStream}. */
  streamed(exchange: Exchange, bytes: Buffer, offset: number, length: number): boolean {
    exchange.responseBytes += length;
    const goesOn = exchange.downstream!.replyBody(exchange, bytes, offset, length);
    // From here on the deadline is about progress: the service's next piece, or the client's
    // reading.
    this.#arm(exchange, goesOn ? exchange.api!.timeoutMs : STALL_MS);
    return goesOn;
  }

  /** The streamed body ended, or broke off with `error`. */
  streamEnded(exchange: Exchange, error: GatewayError | null): void {
    if (exchange.state !== ExchangeState.streaming) {
      this.#streamEndedEarly(exchange, error);
      return;
    }
    if (error !== null) exchange.error = error;
    exchange.answeredMs = exchange.repliedMs = this.#clock.nowMs;
    const { downstream } = exchange;
    exchange.downstream = null;
    downstream!.replyEnd(exchange, error === null);
    this.#done(exchange);
  }

  /** The body ended while a filter thinks about the head, which the client has not got yet. */
  #streamEndedEarly(exchange: Exchange, error: GatewayError | null): void {
    exchange.response.isStreaming = false;
    if (error === null) return; // It was empty: the filter goes on with a whole answer.
    exchange.endPause();
    exchange.response.reset();
    exchange.refuse(error);
    this.#reply(exchange);
  }

  /** `link` has more queued than it should: who feeds it stops reading until {@link relieved}. */
  congested(exchange: Exchange, link: object): void {
    if (exchange.downstream !== null) this.#brakes.apply(link, exchange.downstream);
  }

  relieved(link: object): void {
    this.#brakes.release(link);
  }

  /** Moves the exchange on until it has to wait or is done. */
  #advance(exchange: Exchange): void {
    for (;;) {
      const { chain } = exchange.api!;
      switch (exchange.state) {
        case ExchangeState.requestHead:
          if (!this.#run(exchange, chain.requestHead)) return;
          if (!exchange.isBodyComplete) {
            exchange.state = ExchangeState.awaitingBody;
            return;
          }
          if (isCompressed(exchange.request) && !this.#inflate(exchange)) return;
          exchange.enter(ExchangeState.requestBody);
          break;
        case ExchangeState.requestBody:
          if (!this.#run(exchange, chain.requestBody)) return;
          exchange.enter(ExchangeState.routed);
          break;
        case ExchangeState.routed:
          if (!this.#run(exchange, chain.routed)) return;
          this.#send(exchange);
          return;
        case ExchangeState.responseHead:
          if (!this.#run(exchange, chain.responseHead)) return;
          if (exchange.response.isStreaming) {
            exchange.state = ExchangeState.streaming;
            this.#arm(exchange, exchange.api!.timeoutMs);
            exchange.repliedMs = this.#clock.exactMs();
            exchange.downstream!.replyHead(exchange);
            return;
          }
          exchange.enter(ExchangeState.responseBody);
          break;
        case ExchangeState.responseBody:
          if (!this.#run(exchange, chain.responseBody)) return;
          this.#reply(exchange);
          return;
        default:
          return;
      }
    }
  }

  /** The head is accepted: now the body is worth the work. False: it was not sound. */
  #inflate(exchange: Exchange): boolean {
    const isSound = this.#inflateBody(exchange.request);
    if (isSound) exchange.requestBytes = exchange.request.bodyLength;
    else this.refuse(exchange, Errors.bodyMalformed);
    return isSound;
  }

  /** Runs one phase from `filterIndex` on. True when it is through. */
  #run(exchange: Exchange, chain: PhaseChain): boolean {
    const status = runPhase(exchange, chain, this.#filterFailed);
    if (status === FilterStatus.pause) this.#pause(exchange);
    else if (status !== FilterStatus.continue) this.#filterReplied(exchange);
    return status === FilterStatus.continue;
  }

  #pause(exchange: Exchange): void {
    exchange.isPaused = true;
    if (exchange.state < ExchangeState.upstream) exchange.retainRequest();
    else exchange.response.retain();
    // None yet, or it has passed and its answer is held up: a pause always has a deadline.
    if (exchange.timerSlot === UNARMED) this.#arm(exchange, exchange.api!.timeoutMs);
  }

  #arm(exchange: Exchange, timeoutMs: number): void {
    exchange.deadlineMs = this.#clock.nowMs + timeoutMs;
    this.#deadlines.arm(exchange, exchange.deadlineMs);
  }

  /** A filter decided the answer: from a request phase a new one passes the response phases. */
  #filterReplied(exchange: Exchange): void {
    exchange.settleReply();
    if (exchange.state < ExchangeState.upstream && !exchange.response.isFinal) {
      this.answered(exchange);
      return;
    }
    this.#dropStream(exchange);
    this.#reply(exchange);
  }

  /** A streamed answer that was replaced or not wanted: the upstream's body has no reader. */
  #dropStream(exchange: Exchange): void {
    if (!exchange.response.isStreaming) return;
    exchange.response.isStreaming = false;
    if (exchange.link !== null) exchange.api!.target!.cancel(exchange);
  }

  #send(exchange: Exchange): void {
    const { target, isIdempotent } = exchange.api!;
    if (target === null) {
      exchange.refuse(Errors.upstreamMissing);
      this.answered(exchange);
      return;
    }
    exchange.state = ExchangeState.upstream;
    if (exchange.deadlineMs === 0) this.#arm(exchange, exchange.api!.timeoutMs);
    else if (exchange.timerSlot === UNARMED) this.#deadlines.arm(exchange, exchange.deadlineMs);
    if (isIdempotent) exchange.retainRequest();
    exchange.attempts++;
    exchange.sentMs = this.#clock.timeOf(exchange.protocol);
    this.#retryBudget.requestSent();
    target.send(exchange);
  }

  #reply(exchange: Exchange): void {
    const { downstream } = exchange;
    exchange.downstream = null;
    if (downstream !== null) {
      exchange.responseBytes = exchange.response.bodyLength;
      exchange.repliedMs = this.#clock.timeOf(exchange.protocol);
      downstream.reply(exchange);
    }
    this.#done(exchange);
  }

  #deadlinePassed(exchange: Exchange): void {
    this.#clock.start();
    if (exchange.link !== null) exchange.api!.target!.cancel(exchange);
    if (exchange.state === ExchangeState.streaming) {
      this.streamEnded(exchange, Errors.timeout);
      return;
    }
    if (exchange.isPaused) exchange.endPause();
    exchange.response.reset();
    exchange.refuse(Errors.timeout);
    // A filter that hangs in a response phase has had its chance: no phase runs again.
    if (exchange.state >= ExchangeState.responseHead) this.#reply(exchange);
    else this.answered(exchange);
  }

  #done(exchange: Exchange): void {
    exchange.state = ExchangeState.done;
    this.#deadlines.disarm(exchange);
    if (exchange.api !== null) runComplete(exchange, exchange.api.chain, this.#observer);
    this.#observer.completed(exchange);
    exchange.serial = (exchange.serial + 1) | 0;
    exchange.reset();
    this.#exchanges.give(exchange);
    if (this.#exchanges.openCount === 0) this.#observer.idle();
  }
}
