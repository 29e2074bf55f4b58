// A pool on a simulated network, and calls that are held to their contract.

import assert from 'node:assert/strict';
import { TimerWheel } from '#core/base/timer-wheel.ts';
import { UpstreamCounters } from '#core/telemetry/counters.ts';
import type { PoolSettings, UpstreamEnvironment } from '#core/upstream/contract.ts';
import { SimClock } from '#test/simulation/sim-clock.ts';
import { echoOf } from '#test/simulation/sim-http-service.ts';
import { SimNetwork, type SimShape } from '#test/simulation/sim-network.ts';
import { SimRandom } from '#test/simulation/sim-random.ts';
import { TestCall, TestObserver } from './test-call.ts';

/** Ports of the preferred and of the other host. */
export const FIRST_PORT = 1001;
export const SECOND_PORT = 1002;

const SHAPE: SimShape = { delayMsMax: 3, pieceBytesMax: 40, pipeBytesMax: 4096 };

/** What the bench needs of a pool with a target in front of it. */
export interface TestTarget {
  send(call: TestCall): void;
  cancel(call: TestCall): void;
  resumeStream(call: TestCall): void;
}

/** Network, clock, observer and settings of a pool. */
export class PoolBench {
  readonly clock = new SimClock();
  readonly random: SimRandom;
  readonly network: SimNetwork;
  readonly observer: TestObserver;
  readonly counters = new UpstreamCounters();
  readonly environment: UpstreamEnvironment;
  readonly calls: TestCall[] = [];
  readonly #bodies = new Map<TestCall, string>();

  constructor(seed = 1, shape: SimShape = SHAPE) {
    this.random = new SimRandom(seed);
    this.network = new SimNetwork(this.clock, this.random, shape);
    this.network.allowsLateWrites = false;
    this.observer = new TestObserver(() => this.clock.nowMs());
    this.environment = {
      clock: this.clock,
      random: this.random,
      network: this.network,
      idleTimers: new TimerWheel(this.clock, 250),
      observer: this.observer,
    };
  }

  /** Settings for the two hosts. */
  settings(change: Partial<PoolSettings> = {}): PoolSettings {
    return {
      name: 'service',
      hosts: [
        { host: 'first', port: FIRST_PORT },
        { host: 'second', port: SECOND_PORT },
      ],
      balance: 'first',
      waitersMax: 1000,
      waitMs: 2000,
      connectTimeoutMs: 500,
      reconnectMinMs: 50,
      reconnectMaxMs: 1000,
      responseBytesMax: 100_000,
      highWatermarkBytes: 65_536,
      counters: this.counters,
      ...change,
    };
  }

  /** Sends a call whose request lies in a read buffer that is used again at once. */
  send(target: TestTarget, body: string, acceptsStream = false): TestCall {
    const call = new TestCall().fill(body);
    call.acceptsStream = acceptsStream;
    call.deadlineMs = this.clock.nowMs() + 3000;
    this.calls.push(call);
    this.#bodies.set(call, body);
    target.send(call);
    call.spoil();
    this.network.settle();
    return call;
  }

  cancel(target: TestTarget, call: TestCall): void {
    assert.equal(call.end, 'open');
    target.cancel(call);
    call.end = 'cancelled';
    assert.equal(call.link, null);
    this.network.settle();
  }

  advance(ms: number): void {
    this.clock.advance(ms);
  }

  /** Every call has ended; what was answered was answered with its own body. */
  assertAllEnded(): void {
    for (const call of this.calls) {
      assert.notEqual(call.end, 'open', `${call.name} never ended`);
      const expected = echoOf(this.#bodies.get(call)!);
      if (call.end === 'answered') assert.equal(call.body, expected);
      if (call.end === 'streamed' && call.error === null) assert.equal(call.body, expected);
      if (call.end === 'streamed') assert.ok(expected.startsWith(call.body));
    }
    assert.equal(this.counters.requestsOpen, 0);
    assert.equal(this.counters.waiters, 0);
  }
}
