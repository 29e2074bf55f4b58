// The end of an exchange as figures: counters, the recorder of its API, a line of the access log.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Errors } from '#core/base/errors.ts';
import { DownstreamProtocol } from '#core/codec/message.ts';
import { SessionStatus } from '#core/codec/session/types.ts';
import type { CompiledTarget } from '#core/pipeline/api.ts';
import type { Exchange } from '#core/pipeline/exchange.ts';
import type { AccessLog } from '#core/telemetry/access-log.ts';
import type { AccessRecord } from '#core/telemetry/access-record.ts';
import { ApiStatsTable } from '#core/telemetry/api-stats.ts';
import { GatewayCounters } from '#core/telemetry/counters.ts';
import type { Log, LogFields } from '#core/telemetry/log.ts';
import { exchangeOf } from '#test/core/pipeline/support/filter-bench.ts';
import { makeApi } from '#test/core/pipeline/support/make-api.ts';
import { ManualClock } from '#test/core/telemetry/support/manual-clock.ts';
import { ExchangeTelemetry } from '#workers/exchange-telemetry.ts';

type Recorded = readonly [
  code: number,
  reason: string,
  totalUs: number,
  upstreamUs: number,
  bytesIn: number,
  bytesOut: number,
];

/** Telemetry whose results a test can look at. */
class Bench {
  readonly clock = new ManualClock();
  readonly counters = new GatewayCounters();
  readonly stats = new ApiStatsTable();
  readonly warnings: { readonly key: string; readonly fields: LogFields | undefined }[] = [];
  readonly lines: AccessRecord[] = [];
  readonly recorded: Recorded[] = [];
  readonly telemetry: ExchangeTelemetry;

  constructor(hasAccessLog = true) {
    const { clock, counters, stats, lines, warnings } = this;
    clock.advance(5000);
    const log = {
      warnLimited: (key: string, _text: string, fields?: LogFields) =>
        warnings.push({ key, fields }),
    } as unknown as Log;
    const accessLog = {
      write: (record: AccessRecord) => lines.push(Object.assign(Object.create(null), record)),
    } as unknown as AccessLog;
    this.telemetry = new ExchangeTelemetry({
      clock,
      counters,
      stats,
      log,
      accessLog: hasAccessLog ? accessLog : null,
    });
  }

  /** An exchange that was answered 3 ms after its start, 2 of them upstream. */
  exchange(): Exchange {
    const exchange = exchangeOf({ protocol: DownstreamProtocol.mmtp });
    const recorder = { record: (...figures: Recorded) => this.recorded.push(figures) };
    const target = { upstreamName: 'app' } as CompiledTarget;
    exchange.api = makeApi({ operationType: 'a.b', group: 'g', recorder, target });
    exchange.startedMs = 4000;
    exchange.sentMs = 4000.5;
    exchange.isSent = true;
    exchange.answeredMs = 4002.5;
    exchange.repliedMs = 4003;
    exchange.requestBytes = 10;
    exchange.responseBytes = 20;
    exchange.response.resultCode = 1000;
    exchange.attempts = 1;
    return exchange;
  }
}

describe('ExchangeTelemetry', () => {
  test('counts beginnings and ends', () => {
    const bench = new Bench();
    bench.telemetry.started();
    assert.equal(bench.counters.exchangesOpen, 1);
    bench.telemetry.completed(bench.exchange());
    assert.equal(bench.counters.exchangesOpen, 0);
  });

  test('records whole time, upstream time and bytes with the API', () => {
    const bench = new Bench();
    bench.telemetry.completed(bench.exchange());
    assert.deepEqual(bench.recorded, [[1000, '', 3000, 2000, 10, 20]]);
  });

  test('a request that never left has no upstream time', () => {
    const bench = new Bench();
    const exchange = bench.exchange();
    exchange.sentMs = exchange.answeredMs = 0;
    exchange.isSent = false;
    exchange.refuse(Errors.limitedByApi);
    bench.telemetry.completed(exchange);
    assert.deepEqual(bench.recorded[0]?.slice(0, 4), [1002, 'GW_LIMITED_API', 3000, -1]);
  });

  test('a request that was refused on its way to the service has none either', () => {
    const bench = new Bench();
    const exchange = bench.exchange();
    exchange.isSent = false;
    exchange.refuse(Errors.upstreamPoolFull);
    bench.telemetry.completed(exchange);
    assert.deepEqual(bench.recorded[0]?.slice(0, 4), [4002, 'GW_UPSTREAM_POOL_FULL', 3000, -1]);
  });

  test('a request that was given up lasts until now', () => {
    const bench = new Bench();
    const exchange = bench.exchange();
    exchange.answeredMs = exchange.repliedMs = 0;
    exchange.refuse(Errors.clientAborted);
    bench.telemetry.completed(exchange);
    const [code, reason, totalUs, upstreamUs] = bench.recorded[0]!;
    assert.deepEqual([code, reason], [5000, 'GW_CLIENT_ABORTED']);
    assert.deepEqual([totalUs, upstreamUs], [1_000_000, 999_500]);
  });

  test('a clock that stood still makes no negative time', () => {
    const bench = new Bench();
    const exchange = bench.exchange();
    exchange.startedMs = exchange.sentMs = 6000;
    bench.telemetry.completed(exchange);
    assert.deepEqual(bench.recorded[0]?.slice(2, 4), [0, 0]);
  });

  test('a request without an API counts as unknown, and is logged without a name', () => {
    const bench = new Bench();
    const exchange = bench.exchange();
    exchange.api = null;
    exchange.refuse(Errors.fieldMalformed);
    bench.telemetry.completed(exchange);
    assert.equal(bench.recorded.length, 0);
    assert.equal(bench.stats.unknown.summary().requests, 1);
    assert.equal(bench.lines[0]?.operationType, '');
  });

  test('a line of the access log has what operators ask for', () => {
    const bench = new Bench();
    const exchange = bench.exchange();
    exchange.request.hasTrace = true;
    exchange.request.clientIp = '10.0.0.1';
    exchange.hasSession = true;
    exchange.sessionStatus = SessionStatus.ok;
    exchange.session.uidLow = 77;
    exchange.attempts = 2;
    bench.telemetry.completed(exchange);
    const [line] = bench.lines;
    assert.equal(line?.operationType, 'a.b');
    assert.equal(line?.group, 'g');
    assert.equal(line?.upstreamName, 'app');
    assert.equal(line?.protocol, 'mmtp');
    assert.equal(line?.clientIp, '10.0.0.1');
    assert.equal(line?.uidLow, 77);
    assert.equal(line?.attempt, 1);
    assert.equal(line?.sessionStatus, 'ok');
    assert.equal(line?.traceOffset, 0);
    assert.equal(line?.traceSource, exchange.request.trace);
  });

  test('nothing of the request before is in a line', () => {
    const bench = new Bench();
    const first = bench.exchange();
    first.hasSession = true;
    first.session.uidHigh = first.session.uidLow = 9;
    first.request.hasTrace = true;
    bench.telemetry.completed(first);
    const second = bench.exchange();
    second.session.uidLow = 9;
    bench.telemetry.completed(second);
    const line = bench.lines[1];
    assert.deepEqual([line?.uidHigh, line?.uidLow, line?.traceOffset], [0, 0, -1]);
    assert.equal(line?.sessionStatus, '');
  });

  test('without an access log only figures are kept', () => {
    const bench = new Bench(false);
    bench.telemetry.completed(bench.exchange());
    assert.equal(bench.recorded.length, 1);
    assert.equal(bench.lines.length, 0);
  });

  test('a filter that fails is counted and told with its stack, or what it returned', () => {
    const bench = new Bench();
    bench.telemetry.filterFailed('mine', 'routed', new Error('no luck'));
    bench.telemetry.filterFailed('mine', 'routed', 'returned true');
    assert.equal(bench.counters.filterErrors, 2);
    const [first, second] = bench.warnings.map(({ fields }) => String(fields?.['error']));
    assert.match(first!, /no luck\n.*at /);
    assert.equal(second, 'returned true');
    assert.deepEqual(
      [bench.warnings[0]?.key, bench.warnings[1]?.key],
      ['filter-failed', 'filter-failed'],
    );
  });

  test('a retry counts with its upstream; idle is told while somebody waits for it', () => {
    const bench = new Bench();
    bench.telemetry.retried(bench.exchange());
    assert.equal(bench.counters.upstream('app').retries, 1);
    bench.telemetry.idle();
    let idles = 0;
    bench.telemetry.onIdle = () => idles++;
    bench.telemetry.idle();
    assert.equal(idles, 1);
  });
});
