// The lane of the stress test: a thread that serves its rings as a lane does, except that what runs
// a request is an echo. It answers at once or later, out of order, whole or in pieces, with bytes
// that lie in the lane's slots or on its heap.

import { parentPort, workerData } from 'node:worker_threads';
import { Errors, type GatewayError } from '#core/base/errors.ts';
import type { ExchangeDriver } from '#core/exchange/exchange-driver.ts';
import { StagedRequests } from '#core/exchange/staged-requests.ts';
import { Exchange, ExchangeState, type ReplyTarget } from '#core/pipeline/exchange.ts';
import { SlotArena } from '#core/slot-arena.ts';
import { Doorbell, Sleep } from '#workers/lanes/bell.ts';
import { SimRandom } from '#test/simulation/sim-random.ts';
import { LaneServer } from '#workers/lanes/lane-server.ts';
import { LANE_SLOTS } from '#workers/lanes/lane-slots.ts';
import { ACCEPTOR_SLEEP, LANE_SLEEP, ringWords, type LaneMemory } from '#workers/lanes/layout.ts';
import { TurnKeeper } from '#workers/lanes/turn.ts';

const { memory, seed } = workerData as { readonly memory: LaneMemory; readonly seed: number };
const draws = new SimRandom(seed);
const random = (bound: number): number => draws.below(bound);
const arena = new SlotArena(LANE_SLOTS, memory.responses);
const words = ringWords(memory.rings);
let isScheduled = false;

/** Stands in for the gateway of a lane. */
class EchoDriver {
  openCount = 0;
  readonly #late: Exchange[] = [];
  readonly #resumer = { resume: () => {} };
  readonly #staged = new StagedRequests(null);

  batchStarted(): void {}

  open(peer: ReplyTarget, streamId: number): Exchange {
    this.openCount++;
    const exchange = new Exchange(0, this.#resumer, () => {});
    exchange.state = ExchangeState.requestHead;
    exchange.downstream = peer;
    exchange.protocol = peer.protocol;
    exchange.streamId = streamId;
    return exchange;
  }

  begin(exchange: Exchange): void {
    exchange.state = ExchangeState.awaitingBody;
  }

  complete(exchange: Exchange): void {
    exchange.state = ExchangeState.upstream;
    if (random(4) === 0) {
      exchange.request.retain();
      this.#late.push(exchange);
    } else {
      this.#answer(exchange);
    }
  }

  stage(exchange: Exchange, tag: number): void {
    this.#staged.add(exchange, tag);
  }

  runStaged(before: (tag: number) => void): void {
    this.#staged.run(before, this);
  }

  proceed(exchange: Exchange): void {
    this.complete(exchange);
  }

  refuse(exchange: Exchange, error: GatewayError): void {
    exchange.error = error;
    exchange.response.resultCode = error.resultCode;
    this.#reply(exchange);
  }

  abort(exchange: Exchange): void {
    exchange.downstream = null;
    this.openCount--;
  }

  streamWritable(): void {}

  /** Answers some of those that were put off, the last ones first. */
  answerLate(): void {
    for (let count = random(1 + this.#late.length); count > 0; count--) {
      const exchange = this.#late.pop()!;
      if (exchange.downstream !== null) this.#answer(exchange);
    }
  }

  #answer(exchange: Exchange): void {
    const { request, response } = exchange;
    const { bodySource, bodyOffset, bodyLength } = request;
    response.resultCode = 1000;
    if (random(20) === 0) response.memo = `memo of ${bodyLength}`;
    if (random(20) === 0) response.added.push('X-Length', String(bodyLength));
    const { downstream } = exchange;
    if (random(10) > 0 || bodyLength === 0) {
      response.bodySource = bodySource;
      response.bodyOffset = bodyOffset;
      response.bodyLength = bodyLength;
      this.#reply(exchange);
      return;
    }
    response.isStreaming = true;
    downstream!.replyHead(exchange);
    for (let sent = 0; sent < bodyLength;) {
      const length = Math.min(bodyLength - sent, 1 + random(100_000));
      downstream!.replyBody(exchange, bodySource, bodyOffset + sent, length);
      sent += length;
    }
    exchange.downstream = null;
    downstream!.replyEnd(exchange, true);
    this.openCount--;
  }

  #reply(exchange: Exchange): void {
    const { downstream } = exchange;
    exchange.downstream = null;
    downstream!.reply(exchange);
    this.openCount--;
  }
}

const driver = new EchoDriver();
const server = new LaneServer({
  words,
  requests: Buffer.from(memory.requests),
  arena,
  driver: driver as unknown as ExchangeDriver,
  onWritten: turnSoon,
  onCrowded: () => {},
  onCommit: () => {
    throw new Error(Errors.internal.text);
  },
});
server.answers.bell = new Doorbell(words, ACCEPTOR_SLEEP, () => parentPort!.postMessage(0));
const sleep = new Sleep(words, LANE_SLEEP);
const turns = new TurnKeeper(
  {
    work: () => {
      const count = server.run();
      driver.answerLate();
      server.answers.publish();
      return count;
    },
    isExpecting: () => driver.openCount > 0,
    trySleep: () => {
      if (driver.openCount > 0) return false;
      sleep.begin(server.answers.isBlocked);
      if (server.answers.isBlocked ? !server.answers.hasNewRoom() : !server.hasWork()) return true;
      sleep.end();
      return false;
    },
    wake: () => sleep.end(),
    turnAgain: turnSoon,
  },
  random(8),
);

function turnSoon(): void {
  if (isScheduled) return;
  isScheduled = true;
  setImmediate(() => {
    isScheduled = false;
    turns.end();
  });
}

parentPort!.on('message', turnSoon);
turnSoon();
