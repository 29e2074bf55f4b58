// What lanes that have died had counted: totals of a gateway only grow, whoever dies.

import { ApiStatsTable } from '#core/telemetry/api-stats.ts';
import { GatewayCounters } from '#core/telemetry/counters.ts';
import type { LaneReport } from './messages.ts';

export class LaneLedger {
  readonly #counters = new GatewayCounters();
  readonly #stats = new ApiStatsTable();

  /** The lane that gave `report` last is dead, and what was open on it has ended with it. */
  close(report: LaneReport): void {
    this.#counters.add(report.counters);
    this.#counters.endAll();
    this.#stats.add(report.apis);
  }

  addTo(counters: GatewayCounters, stats: ApiStatsTable): void {
    counters.add(this.#counters.toData());
    stats.add(this.#stats.toData());
  }
}
