// The generated reference of metrics is current, and all metrics together make one valid
// exposition.

import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { systemClock } from '#core/base/clock.ts';
import { ApiMetrics } from '#core/telemetry/api-metrics.ts';
import { ApiStatsTable } from '#core/telemetry/api-stats.ts';
import { CounterMetrics } from '#core/telemetry/counter-metrics.ts';
import { GatewayCounters } from '#core/telemetry/counters.ts';
import { EventLoopWatch } from '#core/telemetry/event-loop.ts';
import { metricsReference } from '#core/telemetry/metrics-reference.ts';
import { ProcessMetrics, processSummary } from '#core/telemetry/process-metrics.ts';
import { renderMetrics } from '#core/telemetry/prometheus.ts';
import { parseExposition, valueOf } from './support/prometheus-parser.ts';

const IDENTITY = { generation: 'mesh', zone: 'rz"1', app: 'pay' };

const SOURCES = [
  new ApiMetrics(new ApiStatsTable()),
  new CounterMetrics(new GatewayCounters()),
  new EventLoopWatch(systemClock),
  new ProcessMetrics({ version: '1.2.3', role: 'sidecar', identity: IDENTITY }),
];

describe('metrics as a whole', () => {
  test('all sources together are one valid exposition', () => {
    const families = parseExposition(renderMetrics(SOURCES));
    const node = process.versions.node;
    const labels = { version: '1.2.3', node, role: 'sidecar', ...IDENTITY };
    assert.equal(valueOf(families, 'mgw_build_info', labels), 1);
    assert(valueOf(families, 'process_resident_memory_bytes')! > 1e6);
    const started = valueOf(families, 'process_start_time_seconds')!;
    assert(Math.abs(started - (Date.now() / 1000 - process.uptime())) < 5);
  });

  test('the reference names every exposed metric', () => {
    const reference = metricsReference();
    for (const name of parseExposition(renderMetrics(SOURCES)).keys()) {
      assert(reference.includes(`| \`${name}\` |`), name);
    }
  });

  test('the page in docs/ is the generated one', () => {
    const page = new URL('../../../docs/reference/metrics.md', import.meta.url);
    assert.equal(readFileSync(page, 'utf8'), metricsReference());
  });

  test('the process summary has plausible figures', () => {
    const summary = processSummary();
    assert.equal(summary.pid, process.pid);
    assert(summary.rssBytes >= summary.heapUsedBytes);
    assert(summary.cpuUserUs > 0 && summary.uptimeMs > 0);
  });
});
