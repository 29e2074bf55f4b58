// The resend filter on hand-made exchanges: a repetition joins, gets the kept answer, takes over,
// or is refused. The driver's part, pausing and resuming, is a recorder here.

import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import type { Clock } from '#core/base/clock.ts';
import { Errors } from '#core/base/errors.ts';
import { FrameFlag } from '#core/codec/mmtp/types.ts';
import type { Api } from '../../api.ts';
import { Exchange } from '../../exchange.ts';
import { FilterStatus, type Filter } from '../../filter.ts';
import { createResendFilterFactory } from './filter.ts';
import {
  ENTRIES_MAX,
  OWNER_ENTRIES_MAX,
  RESEND_KEEP_MS,
  ResendTable,
  WAITERS_MAX,
} from './resend-table.ts';

let nowMs = 0;
const clock = { nowMs: () => nowMs } as Clock;
let table: ResendTable;
let resumed: { exchange: Exchange; status: number }[];

function filterFor(isIdempotent: boolean): Filter {
  const api = { protocols: 3, isUnknown: false, isIdempotent } as Api;
  return createResendFilterFactory(table, clock).create({ api, stateIndex: 0 })!;
}

function repetition(requestId = 'id-00001', device = 'device-1'): Exchange {
  const resumer = {
    resume: (exchange: Exchange, serial: number, status: number) => {
      if (exchange.serial === serial) resumed.push({ exchange, status });
    },
  };
  const exchange = new Exchange(0, resumer, () => {});
  const { request } = exchange;
  request.source = Buffer.from(requestId + device);
  request.flags = FrameFlag.canResend;
  request.requestIdLength = requestId.length;
  request.deviceIdOffset = requestId.length;
  request.deviceIdLength = device.length;
  return exchange;
}

function end(filter: Filter, exchange: Exchange, body: string, error = exchange.error): void {
  exchange.error = error;
  exchange.response.resultCode = 1000;
  exchange.response.bodySource = Buffer.from(body);
  exchange.response.bodyLength = body.length;
  filter.complete!(exchange);
  exchange.serial++;
}

function bodyOf({ response }: Exchange): string {
  const { bodySource, bodyOffset, bodyLength } = response;
  return bodySource.utf8Slice(bodyOffset, bodyOffset + bodyLength);
}

describe('resend filter', () => {
  beforeEach(() => {
    nowMs = 1000;
    table = new ResendTable();
    resumed = [];
  });

  test('lets requests without the flag or without an id pass, and remembers nothing', () => {
    const filter = filterFor(false);
    const plain = repetition();
    plain.request.flags = 0;
    const nameless = repetition();
    nameless.request.requestIdLength = 0;
    assert.equal(filter.requestBody!(plain), FilterStatus.continue);
    assert.equal(filter.requestBody!(nameless), FilterStatus.continue);
    assert.equal(table.size, 0);
  });

  test('a repetition of a running request joins it and gets its answer', () => {
    const filter = filterFor(false);
    const first = repetition();
    const second = repetition();
    assert.equal(filter.requestBody!(first), FilterStatus.continue);
    assert.equal(filter.requestBody!(second), FilterStatus.pause);
    end(filter, first, 'once');
    assert.deepEqual(resumed, [{ exchange: second, status: FilterStatus.reply }]);
    assert.equal(bodyOf(second), 'once');
  });

  test('a repetition of a finished request gets the kept answer, for 60 s', () => {
    const filter = filterFor(false);
    const first = repetition();
    filter.requestBody!(first);
    end(filter, first, 'kept');
    nowMs += RESEND_KEEP_MS - 1;
    const again = repetition();
    assert.equal(filter.requestBody!(again), FilterStatus.reply);
    assert.equal(bodyOf(again), 'kept');
    nowMs += 1;
    assert.equal(filter.requestBody!(repetition()), FilterStatus.continue);
  });

  test('another device or another id is another request', () => {
    const filter = filterFor(false);
    filter.requestBody!(repetition('id-00001', 'device-1'));
    assert.equal(filter.requestBody!(repetition('id-00001', 'device-2')), FilterStatus.continue);
    assert.equal(filter.requestBody!(repetition('id-00002', 'device-1')), FilterStatus.continue);
    assert.equal(filter.requestBody!(repetition('id-00001d', 'evice-1')), FilterStatus.continue);
  });

  test('when the running request is given up, the first live repetition takes its place', () => {
    const filter = filterFor(false);
    const first = repetition();
    const gone = repetition();
    const second = repetition();
    filter.requestBody!(first);
    filter.requestBody!(gone);
    filter.requestBody!(second);
    gone.serial++;
    end(filter, first, '', Errors.clientCancelled);
    assert.deepEqual(resumed, [{ exchange: second, status: FilterStatus.continue }]);
    end(filter, second, 'done');
    const third = repetition();
    assert.equal(filter.requestBody!(third), FilterStatus.reply);
    assert.equal(bodyOf(third), 'done');
  });

  test('a request that was given up with nobody waiting is forgotten', () => {
    const filter = filterFor(false);
    const first = repetition();
    filter.requestBody!(first);
    end(filter, first, '', Errors.clientAborted);
    assert.equal(table.size, 0);
  });

  test('an answer too large to keep runs again only for an idempotent API', () => {
    const large = 'x'.repeat(300 * 1024);
    for (const isIdempotent of [false, true]) {
      const id = `id-large-${isIdempotent}`;
      const filter = filterFor(isIdempotent);
      const first = repetition(id);
      filter.requestBody!(first);
      end(filter, first, large);
      const again = repetition(id);
      const status = filter.requestBody!(again);
      if (isIdempotent) assert.equal(status, FilterStatus.continue);
      else assert.equal(again.error, Errors.resendAnswerLost);
    }
  });

  test('no more than the allowed number of repetitions wait for one request', () => {
    const filter = filterFor(false);
    filter.requestBody!(repetition());
    for (let i = 0; i < WAITERS_MAX; i++) {
      assert.equal(filter.requestBody!(repetition()), FilterStatus.pause);
    }
    const tooMany = repetition();
    assert.equal(filter.requestBody!(tooMany), FilterStatus.reply);
    assert.equal(tooMany.error, Errors.limitedByStreams);
  });

  test('a repetition that ends while it waits leaves its place to the next', () => {
    const filter = filterFor(false);
    const first = repetition();
    filter.requestBody!(first);
    const kept = repetition();
    filter.requestBody!(kept);
    for (let i = 0; i < 2 * WAITERS_MAX; i++) {
      const gone = repetition();
      assert.equal(filter.requestBody!(gone), FilterStatus.pause);
      end(filter, gone, '', Errors.clientAborted);
    }
    end(filter, first, 'once');
    assert.deepEqual(resumed, [{ exchange: kept, status: FilterStatus.reply }]);
    end(filter, kept, bodyOf(kept));
    assert.equal(table.size, 1);
    assert.equal(filter.requestBody!(repetition()), FilterStatus.reply);
  });

  test('however many requests another device sends, no repetition runs a second time', () => {
    const filter = filterFor(false);
    const ended = repetition('id-ended');
    const running = repetition('id-running');
    filter.requestBody!(ended);
    filter.requestBody!(running);
    end(filter, ended, 'once');
    for (let i = 0; i < ENTRIES_MAX; i++) {
      const other = repetition(String(i).padStart(8, '0'), 'device-2');
      assert.equal(filter.requestBody!(other), FilterStatus.continue);
      end(filter, other, '');
    }
    assert.equal(filter.requestBody!(repetition('id-ended')), FilterStatus.reply);
    assert.equal(filter.requestBody!(repetition('id-running')), FilterStatus.pause);
  });

  test('a request that cannot be remembered is refused', () => {
    const filter = filterFor(true);
    for (let i = 0; i < OWNER_ENTRIES_MAX; i++) {
      filter.requestBody!(repetition(String(i).padStart(8, '0')));
    }
    const tooMany = repetition();
    assert.equal(filter.requestBody!(tooMany), FilterStatus.reply);
    assert.equal(tooMany.response.resultCode, 1002);
    end(filter, tooMany, '');
    assert.equal(table.size, OWNER_ENTRIES_MAX);
    assert.equal(filter.requestBody!(repetition('id-00001', 'device-2')), FilterStatus.continue);
  });

  test('kept answers stay within 32 MiB: the oldest go first', () => {
    const filter = filterFor(false);
    const body = 'y'.repeat(256 * 1024);
    for (let i = 0; i < 200; i++) {
      const exchange = repetition(`id-${String(i).padStart(6, '0')}`);
      filter.requestBody!(exchange);
      end(filter, exchange, body);
    }
    assert.ok(table.answerBytes <= 32 * 1024 * 1024);
    const oldest = repetition('id-000000');
    filter.requestBody!(oldest);
    assert.equal(oldest.error, Errors.resendAnswerLost);
    const newest = repetition('id-000199');
    assert.equal(filter.requestBody!(newest), FilterStatus.reply);
    assert.equal(newest.error, null);
  });
});
