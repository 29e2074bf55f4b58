// Counters and their names agree: every numeric field is told exactly once.

import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  CounterMetrics,
  counterValues,
  DOWNSTREAM_FAMILIES,
  GATEWAY_FAMILIES,
  UPSTREAM_FAMILIES,
  type CounterFamily,
} from '#core/telemetry/counter-metrics.ts';
import {
  DownstreamCounters,
  GatewayCounters,
  OVERFLOW_NAME,
  UPSTREAM_COUNTERS_MAX,
  UpstreamCounters,
} from '#core/telemetry/counters.ts';
import { renderMetrics } from '#core/telemetry/prometheus.ts';
import { parseExposition, valueOf } from './support/prometheus-parser.ts';

/** Numeric fields and numeric getters of an object. */
function numericNames(counters: object): string[] {
  const prototype: object = Object.getPrototypeOf(counters);
  const getters = Object.entries(Object.getOwnPropertyDescriptors(prototype))
    .filter(([, descriptor]) => descriptor.get !== undefined)
    .map(([name]) => name);
  const names = [...Object.keys(counters), ...getters];
  return names.filter((name) => typeof Reflect.get(counters, name) === 'number').sort();
}

function tableNames<T>(families: readonly CounterFamily<T>[]): string[] {
  return families.flatMap(({ series }) => series.map(([field]) => String(field))).sort();
}

describe('counter tables', () => {
  test('every numeric field appears exactly once', () => {
    assert.deepEqual(tableNames(GATEWAY_FAMILIES), numericNames(new GatewayCounters()));
    assert.deepEqual(tableNames(DOWNSTREAM_FAMILIES), numericNames(new DownstreamCounters()));
    assert.deepEqual(tableNames(UPSTREAM_FAMILIES), numericNames(new UpstreamCounters()));
  });

  test('only gauges read getters: a counter must not fall', () => {
    const check = <T extends object>(families: readonly CounterFamily<T>[], fresh: T): void => {
      for (const { family, series } of families) {
        for (const [field] of series) {
          assert.equal(Object.hasOwn(fresh, field), family.type === 'counter', field);
        }
      }
    };
    check(GATEWAY_FAMILIES, new GatewayCounters());
    check(DOWNSTREAM_FAMILIES, new DownstreamCounters());
    check(UPSTREAM_FAMILIES, new UpstreamCounters());
  });

  test('every series gives as many label values as its family has labels', () => {
    for (const { family, series } of GATEWAY_FAMILIES) {
      for (const [, ...values] of series) assert.equal(values.length, family.labels.length);
    }
    for (const { family, series } of [...DOWNSTREAM_FAMILIES, ...UPSTREAM_FAMILIES]) {
      for (const [, ...values] of series) assert.equal(values.length + 1, family.labels.length);
    }
  });
});

describe('CounterMetrics', () => {
  test('exposes every field under its own series', () => {
    const counters = new GatewayCounters();
    const objects = [counters, counters.mmtp, counters.http, counters.upstream('app')];
    let next = 1;
    for (const object of objects) {
      for (const name of Object.keys(object)) {
        if (typeof Reflect.get(object, name) === 'number') Reflect.set(object, name, next++);
      }
    }
    const families = parseExposition(renderMetrics([new CounterMetrics(counters)]));
    const counterSamples = [...families.values()]
      .filter((family) => family.type === 'counter')
      .flatMap((family) => family.samples.map((sample) => sample.value));
    const expected = Array.from({ length: next - 1 }, (_, i) => i + 1);
    assert.deepEqual(
      counterSamples.sort((a, b) => a - b),
      expected,
    );
  });

  test('gauges are differences', () => {
    const counters = new GatewayCounters();
    counters.http.connectionsOpened = 7;
    counters.http.connectionsClosed = 3;
    const app = counters.upstream('app');
    app.waitsStarted = 5;
    app.waitsEnded = 1;
    counters.exchangesStarted = 2;
    const families = parseExposition(renderMetrics([new CounterMetrics(counters)]));
    assert.equal(valueOf(families, 'mgw_downstream_connections', { protocol: 'http' }), 4);
    assert.equal(valueOf(families, 'mgw_downstream_connections', { protocol: 'mmtp' }), 0);
    assert.equal(valueOf(families, 'mgw_upstream_waiters', { upstream: 'app' }), 4);
    assert.equal(valueOf(families, 'mgw_exchanges'), 2);
  });

  test('lists the families that it writes, in that order', () => {
    const metrics = new CounterMetrics(new GatewayCounters());
    const written = [...parseExposition(renderMetrics([metrics])).keys()];
    assert.deepEqual(
      written,
      metrics.families.map((family) => family.name),
    );
  });

  test('the order does not depend on which upstream came first', () => {
    const text = (names: string[]): string => {
      const counters = new GatewayCounters();
      for (const name of names) counters.upstream(name);
      return renderMetrics([new CounterMetrics(counters)]);
    };
    assert.equal(text(['b', 'a', 'c']), text(['c', 'b', 'a']));
  });
});

describe('GatewayCounters', () => {
  test('an upstream keeps its counters', () => {
    const counters = new GatewayCounters();
    counters.upstream('app').retries++;
    assert.equal(counters.upstream('app').retries, 1);
  });

  test('upstreams are bounded', () => {
    const counters = new GatewayCounters();
    for (let i = 0; i < UPSTREAM_COUNTERS_MAX + 10; i++) counters.upstream(`u${i}`).connects++;
    assert.equal(counters.upstreams.size, UPSTREAM_COUNTERS_MAX + 1);
    assert.equal(counters.upstream(OVERFLOW_NAME).connects, 10);
  });

  test('counterValues gives the fields by name', () => {
    const counters = new GatewayCounters();
    counters.mmtp.bytesIn = 12;
    const values = counterValues(counters.mmtp, DOWNSTREAM_FAMILIES);
    assert.equal(values['bytesIn'], 12);
    assert.deepEqual(Object.keys(values).sort(), numericNames(counters.mmtp));
  });
});
