// What the acceptor and a lane tell each other beside the rings: seldom, and never about a request.
// The number 0 is the doorbell.

import type { ClusterStatus } from '#core/clusters.ts';
import type { ApiData } from '#core/telemetry/api-stats.ts';
import type { CountersData } from '#core/telemetry/counters.ts';
import type { Problem } from '#config/problem.ts';
import type { LogLevel } from '../log.ts';
import type { LaneConfig } from '../load-input.ts';

/** The doorbell: there is something in the ring. */
export const BELL = 0;

/** From the acceptor. */
export type LaneCommand =
  | {
      readonly type: 'prepare';
      readonly id: number;
      readonly config: LaneConfig;
      /** One that was prepared and is not going to be committed; 0: none. */
      readonly abandonedId: number;
    }
  | { readonly type: 'report'; readonly id: number }
  | { readonly type: 'reopenLogs' }
  | { readonly type: 'logLevel'; readonly level: LogLevel }
  | { readonly type: 'stop' };

/** What a lane has counted, and how it stands. */
export interface LaneReport {
  readonly counters: CountersData;
  readonly apis: readonly ApiData[];
  readonly clusters: readonly ClusterStatus[];
  /** Revision that new requests follow. */
  readonly revision: number;
  readonly openExchanges: number;
  /** Share of the last complete window in which the lane's loop was busy, 0..1; 0 before it. */
  readonly utilization: number;
}

/** From a lane. */
export type LaneMessage =
  | { readonly type: 'ready' }
  | { readonly type: 'prepared'; readonly id: number; readonly problems: readonly Problem[] }
  | { readonly type: 'report'; readonly id: number; readonly report: LaneReport };
