// Memory, CPU and identity of the process, under the names that Prometheus dashboards expect.
// One instance a process, whatever the number of threads.

import type { GatewayIdentity } from './identity.ts';
import { labelText, type MetricFamily, type MetricSource, type MetricsText } from './prometheus.ts';

const FAMILIES = {
  build: {
    name: 'mgw_build_info',
    type: 'gauge',
    help: 'Always 1; the labels say what runs',
    labels: ['version', 'node', 'role', 'generation', 'zone', 'app'],
  },
  cpu: {
    name: 'process_cpu_seconds_total',
    type: 'counter',
    help: 'User and system CPU time of all threads',
    labels: [],
  },
  start: {
    name: 'process_start_time_seconds',
    type: 'gauge',
    help: 'Start of the process, seconds since the Unix epoch',
    labels: [],
  },
  resident: {
    name: 'process_resident_memory_bytes',
    type: 'gauge',
    help: 'Resident memory',
    labels: [],
  },
  heapUsed: {
    name: 'nodejs_heap_used_bytes',
    type: 'gauge',
    help: 'JavaScript heap in use on this thread',
    labels: [],
  },
  heapTotal: {
    name: 'nodejs_heap_total_bytes',
    type: 'gauge',
    help: 'JavaScript heap reserved on this thread',
    labels: [],
  },
  external: {
    name: 'nodejs_external_memory_bytes',
    type: 'gauge',
    help: 'Memory outside the heap that JavaScript objects own, array buffers included',
    labels: [],
  },
} as const satisfies Record<string, MetricFamily>;

/** What runs: the labels of `mgw_build_info`. */
export interface BuildInfo {
  readonly version: string;
  readonly role: string;
  readonly identity: GatewayIdentity;
}

/** The process's own figures as plain data, for the admin API. */
export interface ProcessSummary {
  readonly pid: number;
  readonly uptimeMs: number;
  readonly cpuUserUs: number;
  readonly cpuSystemUs: number;
  readonly rssBytes: number;
  readonly heapUsedBytes: number;
  readonly heapTotalBytes: number;
  readonly externalBytes: number;
}

/** Reads the figures of this process now. */
export function processSummary(): ProcessSummary {
  const memory = process.memoryUsage();
  const cpu = process.cpuUsage();
  return {
    pid: process.pid,
    uptimeMs: Math.round(process.uptime() * 1e3),
    cpuUserUs: cpu.user,
    cpuSystemUs: cpu.system,
    rssBytes: memory.rss,
    heapUsedBytes: memory.heapUsed,
    heapTotalBytes: memory.heapTotal,
    externalBytes: memory.external,
  };
}

/** Exposes the process's own figures. */
export class ProcessMetrics implements MetricSource {
  readonly families: readonly MetricFamily[] = Object.values(FAMILIES);
  readonly #buildLabels: string;

  constructor({ version, role, identity }: BuildInfo) {
    const { generation, zone, app } = identity;
    const values = [version, process.versions.node, role, generation, zone, app];
    this.#buildLabels = labelText(FAMILIES.build.labels, values);
  }

  writeMetrics(text: MetricsText): void {
    const now = processSummary();
    text.family(FAMILIES.build);
    text.sample(this.#buildLabels, 1);
    text.family(FAMILIES.cpu);
    text.sample('', (now.cpuUserUs + now.cpuSystemUs) / 1e6);
    text.family(FAMILIES.start);
    text.sample('', Math.round(performance.timeOrigin) / 1e3);
    text.family(FAMILIES.resident);
    text.sample('', now.rssBytes);
    text.family(FAMILIES.heapUsed);
    text.sample('', now.heapUsedBytes);
    text.family(FAMILIES.heapTotal);
    text.sample('', now.heapTotalBytes);
    text.family(FAMILIES.external);
    text.sample('', now.externalBytes);
  }
}
