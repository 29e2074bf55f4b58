// How busy the thread's event loop is and how late it runs its timers, measured over windows of a
// fixed length so that several readers see the same figures and none disturbs another.

import { monitorEventLoopDelay, performance, type EventLoopUtilization } from 'node:perf_hooks';
import type { Clock, TimerHandle } from '#core/base/clock.ts';
import type { MetricFamily, MetricSource, MetricsText } from './prometheus.ts';

/** Default length of a window. */
export const EVENT_LOOP_WINDOW_MS = 10_000;

/** The delay monitor is a timer of this period inside libuv; what it is late by is the lag. */
const LAG_RESOLUTION_MS = 20;

/** Figures of the last complete window; all 0 before the first one has passed. */
export interface EventLoopWindow {
  /** Share of the time in which the loop was busy, 0..1. */
  readonly utilization: number;
  /** How late timers ran, in ms. */
  readonly lagP50Ms: number;
  readonly lagP99Ms: number;
  readonly lagMaxMs: number;
}

const FAMILIES = {
  active: {
    name: 'mgw_event_loop_active_seconds_total',
    type: 'counter',
    help: 'Time in which the event loop was busy',
    labels: [],
  },
  idle: {
    name: 'mgw_event_loop_idle_seconds_total',
    type: 'counter',
    help: 'Time in which the event loop waited for events',
    labels: [],
  },
  utilization: {
    name: 'mgw_event_loop_utilization_ratio',
    type: 'gauge',
    help: 'Share of the last window in which the event loop was busy',
    labels: [],
  },
  lag: {
    name: 'mgw_event_loop_lag_seconds',
    type: 'gauge',
    help: 'How late timers ran in the last window',
    labels: ['quantile'],
  },
} as const satisfies Record<string, MetricFamily>;

/** Watches the loop of the thread that it is created on. */
export class EventLoopWatch implements MetricSource {
  readonly families: readonly MetricFamily[] = Object.values(FAMILIES);
  readonly #clock: Clock;
  readonly #windowMs: number;
  readonly #delay = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  readonly #onTimer: () => void;
  #timer: TimerHandle | null = null;
  #windowStart: EventLoopUtilization;
  #window: EventLoopWindow = { utilization: 0, lagP50Ms: 0, lagP99Ms: 0, lagMaxMs: 0 };

  /** @param windowMs length of a window in ms, at least 1 */
  constructor(clock: Clock, windowMs = EVENT_LOOP_WINDOW_MS) {
    this.#clock = clock;
    this.#windowMs = windowMs;
    this.#windowStart = performance.eventLoopUtilization();
    this.#onTimer = () => {
      this.#roll();
      this.#timer = this.#clock.setTimer(this.#onTimer, this.#windowMs);
    };
  }

  /** The last complete window. */
  get window(): EventLoopWindow {
    return this.#window;
  }

  /** Begins the first window. Does not keep the process alive. */
  start(): void {
    if (this.#timer !== null) return;
    this.#windowStart = performance.eventLoopUtilization();
    this.#delay.enable();
    this.#timer = this.#clock.setTimer(this.#onTimer, this.#windowMs);
  }

  stop(): void {
    if (this.#timer === null) return;
    this.#clock.clearTimer(this.#timer);
    this.#timer = null;
    this.#delay.disable();
  }

  writeMetrics(text: MetricsText): void {
    const total = performance.eventLoopUtilization();
    text.family(FAMILIES.active);
    text.sample('', total.active / 1e3);
    text.family(FAMILIES.idle);
    text.sample('', total.idle / 1e3);
    text.family(FAMILIES.utilization);
    text.sample('', this.#window.utilization);
    text.family(FAMILIES.lag);
    text.sample('quantile="0.5"', this.#window.lagP50Ms / 1e3);
    text.sample('quantile="0.99"', this.#window.lagP99Ms / 1e3);
    text.sample('quantile="1"', this.#window.lagMaxMs / 1e3);
  }

  #roll(): void {
    const now = performance.eventLoopUtilization();
    const delay = this.#delay;
    const isEmpty = delay.count === 0;
    this.#window = {
      utilization: performance.eventLoopUtilization(now, this.#windowStart).utilization,
      lagP50Ms: isEmpty ? 0 : lagMs(delay.percentile(50)),
      lagP99Ms: isEmpty ? 0 : lagMs(delay.percentile(99)),
      lagMaxMs: isEmpty ? 0 : lagMs(delay.max),
    };
    delay.reset();
    this.#windowStart = now;
  }
}

/** How late a timer of the monitor ran. @param delayNs time between two of its runs */
export function lagMs(delayNs: number): number {
  return Math.max(0, delayNs / 1e6 - LAG_RESOLUTION_MS);
}
