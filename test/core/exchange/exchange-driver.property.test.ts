// Random clients, services, filters and clocks against the exchange driver. Whatever happens, each
// request ends exactly once: `complete` of each filter and of the observer runs once, the client
// gets one answer or none if it went, and nothing stays open, armed or linked.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Errors, type GatewayError } from '#core/base/errors.ts';
import { DownstreamProtocol } from '#core/codec/message.ts';
import { ExchangeState, type Exchange } from '#core/pipeline/exchange.ts';
import { FilterStatus, type Phase } from '#core/pipeline/filter.ts';
import { DriverBench, FakeDownstream } from './support/fakes.ts';
import { ScriptFilter, type Action } from './support/script-filter.ts';

const PHASES_THAT_ACT = [
  'requestHead',
  'requestBody',
  'routed',
  'responseHead',
  'responseBody',
] as const;

const actionArbitrary: fc.Arbitrary<Action> = fc.constantFrom<Action[]>(
  'continue',
  'continue',
  'continue',
  'pause',
  'pause',
  'reply',
  'refuse',
  'throw',
);

const eventArbitrary = fc.record({
  kind: fc.constantFrom(
    'open',
    'open',
    'begin',
    'complete',
    'complete',
    'answer',
    'answer',
    'fail',
    'startStream',
    'stream',
    'endStream',
    'breakStream',
    'writable',
    'resume',
    'resume',
    'resumeReply',
    'staleResume',
    'abort',
    'refuse',
    'advance',
    'act',
    'act',
  ),
  pick: fc.nat(1000),
  phase: fc.constantFrom<Phase[]>(...PHASES_THAT_ACT),
  action: actionArbitrary,
});
type Event = typeof eventArbitrary extends fc.Arbitrary<infer T> ? T : never;

/** One request as its client sees it. */
interface Request {
  readonly exchange: Exchange;
  readonly client: FakeDownstream;
  isBegun: boolean;
  isComplete: boolean;
  wasAborted: boolean;
}

const FAILURES: readonly GatewayError[] = [
  Errors.upstreamReset,
  Errors.upstreamReset,
  Errors.upstreamProtocol,
  Errors.upstreamConnectRefused,
];

/** Two filters, one API, many requests. */
class World {
  readonly filters: readonly ScriptFilter[];
  readonly bench: DriverBench;
  readonly requests: Request[] = [];
  readonly #stalePauses: ScriptFilter['pauses'] = [];

  constructor(isIdempotent: boolean, wantsBody: boolean) {
    const phases = PHASES_THAT_ACT.filter((phase) => wantsBody || phase !== 'responseBody');
    this.filters = ['first', 'second'].map((name) => {
      return new ScriptFilter(name, [...phases, 'complete']);
    });
    this.bench = new DriverBench(
      this.filters.map(({ factory }) => factory),
      { isIdempotent },
      8,
    );
  }

  /** Requests that their client still waits for: no answer, not aborted. */
  get waiting(): readonly Request[] {
    return this.requests.filter(({ client, wasAborted }) => {
      const reply = client.replies[0];
      return !wasAborted && (reply === undefined || reply.isComplete === null);
    });
  }

  step(event: Event): void {
    const { bench } = this;
    const { kind, pick } = event;
    bench.driver.batchStarted();
    switch (kind) {
      case 'open':
        this.#open(pick);
        break;
      case 'begin':
      case 'complete':
      case 'refuse':
      case 'abort':
        this.#client(kind, pick);
        break;
      case 'resume':
      case 'resumeReply':
      case 'staleResume':
        this.#resume(kind, pick);
        break;
      case 'advance':
        bench.clock.advance(pick * 5);
        break;
      case 'act':
        this.filters[pick % 2]!.actions.set(event.phase, event.action);
        break;
      default:
        this.#service(kind, pick);
    }
  }

  /** Everything that can still happen happens: the service and the filters stay silent. */
  finish(): void {
    for (const request of this.waiting) {
      if (!request.isComplete) this.bench.driver.abort(request.exchange, Errors.clientAborted);
      request.wasAborted ||= !request.isComplete;
    }
    for (const filter of this.filters) filter.actions.clear();
    this.bench.clock.advance(200_000);
  }

  #open(pick: number): void {
    const { mmtp, http1 } = DownstreamProtocol;
    const client = new FakeDownstream(pick % 3 === 0 ? mmtp : http1);
    if (this.bench.driver.openCount === 8) return;
    const exchange = this.bench.open(client, `body ${pick}`);
    this.requests.push({
      exchange,
      client,
      isBegun: false,
      isComplete: false,
      wasAborted: false,
    });
  }

  #client(kind: 'begin' | 'complete' | 'refuse' | 'abort', pick: number): void {
    const { driver } = this.bench;
    const { waiting } = this;
    const request = waiting[pick % Math.max(1, waiting.length)];
    if (request === undefined) return;
    const { exchange } = request;
    if (kind === 'abort') {
      request.wasAborted = true;
      driver.abort(exchange, Errors.clientAborted);
      return;
    }
    if (request.isComplete) return;
    if (kind === 'refuse') {
      request.isComplete = true;
      driver.refuse(exchange, Errors.bodyTooLarge);
    } else if (kind === 'complete') {
      request.isComplete = true;
      driver.complete(exchange);
    } else if (!request.isBegun) {
      request.isBegun = true;
      driver.begin(exchange);
    }
  }

  #service(kind: string, pick: number): void {
    const { bench } = this;
    const { open } = bench.target;
    const exchange = open[pick % Math.max(1, open.length)];
    if (exchange === undefined) return;
    const hasStarted = exchange.response.isStreaming;
    if (kind === 'startStream') {
      if (!hasStarted && exchange.acceptsStream) bench.startStream(exchange);
    } else if (kind === 'stream') {
      if (exchange.state !== ExchangeState.streaming) return;
      bench.stream(exchange, `piece ${pick}`);
    } else if (kind === 'endStream' || kind === 'breakStream') {
      const error = kind === 'endStream' ? null : Errors.upstreamReset;
      if (hasStarted) bench.endStream(exchange, error);
    } else if (kind === 'writable') {
      bench.driver.streamWritable(exchange);
    } else if (!hasStarted) {
      if (kind === 'answer') bench.answer(exchange);
      else bench.fail(exchange, FAILURES[pick % FAILURES.length]!);
    }
  }

  #resume(kind: 'resume' | 'resumeReply' | 'staleResume', pick: number): void {
    const stale = this.#stalePauses;
    if (kind === 'staleResume') {
      const pause = stale[pick % Math.max(1, stale.length)];
      pause?.exchange.resumer.resume(pause.exchange, pause.serial, FilterStatus.reply);
      return;
    }
    const { pauses } = this.filters[pick % 2]!;
    const [pause] = pauses.splice(pick % Math.max(1, pauses.length), 1);
    if (pause === undefined) return;
    stale.push(pause);
    const { exchange, serial } = pause;
    const status = kind === 'resume' ? FilterStatus.continue : FilterStatus.reply;
    exchange.resumer.resume(exchange, serial, status);
  }
}

test('property: every exchange ends exactly once, however it ends', () => {
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.boolean(),
      fc.array(eventArbitrary, { minLength: 5, maxLength: 120, size: 'max' }),
      (isIdempotent, wantsBody, events) => {
        const world = new World(isIdempotent, wantsBody);
        const { bench, filters, requests } = world;
        for (const event of events) {
          world.step(event);
          const { started_, completed_ } = bench.observer;
          assert.equal(bench.driver.openCount, started_ - completed_.length);
        }
        world.finish();
        bench.assertEmpty();
        const ends = bench.observer.completed_.map(({ slot, serial }) => `${slot}/${serial}`);
        assert.equal(new Set(ends).size, ends.length, 'an exchange completed twice');
        assert.equal(ends.length, requests.length);
        for (const { client, wasAborted } of requests) {
          assert.ok(client.replies.length <= 1, 'two answers to one request');
          if (wasAborted) assert.notEqual(client.replies[0]?.isComplete, true);
          else assert.notEqual(client.replies[0]?.isComplete ?? null, null, 'no answer');
        }
        // An exchange that was aborted before it was routed has no chain to tell.
        const routed = filters[0]!.completed;
        assert.equal(filters[1]!.completed, routed);
        assert.ok(routed <= requests.length);
        const unrouted = requests.filter(
          ({ isBegun, isComplete, wasAborted }) => wasAborted && !isBegun && !isComplete,
        );
        assert.equal(routed, requests.length - unrouted.length);
      },
    ),
    { numRuns: 1000 },
  );
});
