// The access log in front of its file: sampling, buffering, and lines dropped and counted when the
// writer lags.

import { beforeEach, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import type { Random } from '#core/base/clock.ts';
import {
  ACCESS_LOG_PENDING_BYTES_MAX,
  AccessLog,
  type AccessLogWriter,
} from '#core/telemetry/access-log.ts';
import { AccessRecord } from '#core/telemetry/access-record.ts';
import { GatewayCounters } from '#core/telemetry/counters.ts';
import { ManualClock } from './support/manual-clock.ts';

/** A writer that ends its writes when the test says so, and sees what it was given only then. */
class HeldWriter implements AccessLogWriter {
  text = '';
  writes = 0;
  isHeld = true;
  #pending: { bytes: Buffer; length: number; done: (isWritten: boolean) => void } | null = null;

  get isBusy(): boolean {
    return this.#pending !== null;
  }

  write(bytes: Buffer, length: number, done: (isWritten: boolean) => void): void {
    assert(this.#pending === null, 'one write at a time');
    this.writes++;
    this.#pending = { bytes, length, done };
    if (!this.isHeld) this.finish(true);
  }

  finish(isWritten: boolean): void {
    const { bytes, length, done } = this.#pending!;
    this.#pending = null;
    if (isWritten) this.text += bytes.latin1Slice(0, length);
    done(isWritten);
  }

  get operations(): string[] {
    const lines = this.text.split('\n').slice(0, -1);
    return lines.map((line) => (JSON.parse(line) as { operation: string }).operation);
  }
}

class ListedRandom implements Random {
  readonly #units: number[];

  constructor(units: number[]) {
    this.#units = units;
  }

  fill(): void {
    assert.fail('no random bytes are needed');
  }

  identify(): void {
    assert.fail('no id is needed');
  }

  unit(): number {
    return this.#units.shift() ?? assert.fail('a number was drawn that nobody needs');
  }
}

let clock: ManualClock;
let writer: HeldWriter;
let counters: GatewayCounters;
let log: AccessLog;
const record = new AccessRecord();

function create(sampleRate = 1, units: number[] = []): void {
  clock = new ManualClock();
  writer = new HeldWriter();
  counters = new GatewayCounters();
  const random = new ListedRandom(units);
  log = new AccessLog({ writer, clock, random, counters, sampleRate });
}

function write(operationType: string, resultCode = 1000): void {
  record.operationType = operationType;
  record.resultCode = resultCode;
  log.write(record);
}

/** Writes lines `0`, `1` ... until `isEnough`; returns how many. */
function writeUntil(isEnough: () => boolean): number {
  let count = 0;
  while (!isEnough()) write(String(count++));
  return count;
}

function numbers(count: number): string[] {
  return Array.from({ length: count }, (_, i) => String(i));
}

describe('AccessLog', () => {
  beforeEach(() => create());

  test('lines wait 200 ms for company', () => {
    write('a');
    clock.advance(150);
    write('b');
    clock.advance(49);
    assert.equal(writer.writes, 0);
    clock.advance(1);
    writer.finish(true);
    assert.deepEqual(writer.operations, ['a', 'b']);
    assert.equal(counters.accessLogLines, 2);
    clock.advance(10_000);
    assert.equal(writer.writes, 1, 'an empty log writes nothing');
  });

  test('much at once does not wait', () => {
    const count = writeUntil(() => writer.isBusy);
    assert(count > 50);
    writer.finish(true);
    assert.deepEqual(writer.operations, numbers(count));
  });

  test('what comes during a write goes out after it, in order', () => {
    const first = writeUntil(() => writer.isBusy);
    write('late 1');
    write('late 2');
    clock.advance(1000);
    assert.equal(writer.writes, 1);
    writer.finish(true);
    clock.advance(200);
    writer.finish(true);
    assert.deepEqual(writer.operations, [...numbers(first), 'late 1', 'late 2']);
  });

  test('a writer that lags costs lines, not memory, and the count is exact', () => {
    const total = writeUntil(() => counters.accessLogDropped > 100);
    let rounds = 0;
    while (writer.isBusy || clock.timerCount > 0) {
      if (writer.isBusy) writer.finish(true);
      clock.advance(200);
      assert(rounds++ < 10);
    }
    assert.equal(counters.accessLogLines + counters.accessLogDropped, total);
    assert.equal(writer.operations.length, counters.accessLogLines);
    assert(writer.text.length <= ACCESS_LOG_PENDING_BYTES_MAX + 64 * 1024);
    write('goes on');
    clock.advance(200);
    writer.finish(true);
    assert.equal(writer.operations.at(-1), 'goes on');
  });

  test('lines of a failed write count as dropped', () => {
    write('a');
    write('b');
    clock.advance(200);
    writer.finish(false);
    assert.equal(counters.accessLogDropped, 2);
    assert.equal(counters.accessLogLines, 0);
  });

  test('a writer that ends at once works', () => {
    writer.isHeld = false;
    for (let i = 0; i < 5000; i++) write(String(i));
    clock.advance(200);
    assert.deepEqual(writer.operations, numbers(5000));
  });

  test('drain resolves when everything is written, later lines included', async () => {
    write('a');
    let isDrained = false;
    const drained = log.drain().then(() => (isDrained = true));
    assert(writer.isBusy);
    write('b');
    writer.finish(true);
    await Promise.resolve();
    assert.equal(isDrained, false);
    assert(writer.isBusy, 'the rest follows at once');
    writer.finish(true);
    await drained;
    assert.deepEqual(writer.operations, ['a', 'b']);
    assert.equal(clock.timerCount, 0);
  });

  test('drain of an empty log resolves', async () => {
    await log.drain();
    assert.equal(writer.writes, 0);
  });

  test('sampling keeps its share of successes and everything else', () => {
    create(0.25, [0.9, 0.24, 0.25, 0]);
    write('out');
    write('in');
    write('failed', 4001);
    write('limit itself is out');
    write('in too');
    write('refused', 2000);
    clock.advance(200);
    writer.finish(true);
    assert.deepEqual(writer.operations, ['in', 'failed', 'in too', 'refused']);
    assert.equal(counters.accessLogDropped, 0, 'sampling is no loss');
  });

  test('rate 0 keeps failures only', () => {
    create(0, [0, 0.5]);
    write('a');
    write('b');
    write('c', 5000);
    clock.advance(200);
    writer.finish(true);
    assert.deepEqual(writer.operations, ['c']);
  });
});
