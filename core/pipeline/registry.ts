// The filters of the gateway, in the order in which request phases run. Adding one means adding a
// line here.

import type { Clock, Random } from '#core/base/clock.ts';
import type { TimerWheel } from '#core/base/timer-wheel.ts';
import type { FilterFactory } from './filter.ts';
import { apiFilterFactory } from './filters/api/filter.ts';
import { channelFilterFactory } from './filters/channel/filter.ts';
import { contentFilterFactory } from './filters/content/filter.ts';
import { headersFilterFactory } from './filters/headers/filter.ts';
import { createLimitFilterFactory } from './filters/limit/filter.ts';
import { createResendFilterFactory } from './filters/resend/filter.ts';
import type { ResendTable } from './filters/resend/resend-table.ts';
import { createSessionFilterFactory, type SessionVerifiers } from './filters/session/filter.ts';
import { createTimeoutFilterFactory } from './filters/timeout/filter.ts';
import { createTraceFilterFactory } from './filters/trace/filter.ts';

/** What the built-in filters work with. */
export interface FilterDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly deadlines: TimerWheel;
  /** Monotonic ms of `clock`, as of the batch at hand. */
  readonly batchMs: () => number;
  /** Unix seconds, as of the batch at hand. */
  readonly nowSeconds: () => number;
  readonly sessions: SessionVerifiers;
  /** Repeated requests of the lane; outlives snapshots. */
  readonly resends: ResendTable;
  /** Filters of the user, from `filters.modules`. */
  readonly custom: readonly FilterFactory[];
}

/** All filters, first to last. */
export function listFilters(dependencies: FilterDependencies): readonly FilterFactory[] {
  const { clock, random, deadlines, sessions, resends, custom } = dependencies;
  return [
    createTraceFilterFactory(random),
    apiFilterFactory,
    channelFilterFactory,
    createSessionFilterFactory(sessions, dependencies.nowSeconds),
    createLimitFilterFactory(dependencies.batchMs),
    headersFilterFactory,
    createTimeoutFilterFactory(deadlines),
    createResendFilterFactory(resends, clock),
    contentFilterFactory,
    ...custom,
  ];
}
