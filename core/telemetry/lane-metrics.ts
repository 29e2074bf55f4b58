// How lanes stand, as the admin API and Prometheus see it.

import { labelText, type MetricFamily, type MetricSource, type MetricsText } from './prometheus.ts';

/** One lane. */
export interface LaneFigures {
  readonly lane: number;
  readonly isServing: boolean;
  /** Times it was started; above 1: it died and was replaced. */
  readonly starts: number;
  /** Revision of the configuration that new requests follow. */
  readonly revision: number;
  readonly openExchanges: number;
  readonly exchangesCompleted: number;
  /** Share of time in which its loop did not sleep, since it was asked last. */
  readonly utilization: number;
  /** Words of its ring that it has not read. */
  readonly unreadWords: number;
  /** Times it was woken. */
  readonly bells: number;
}

type Figure = readonly [family: MetricFamily, value: (lane: LaneFigures) => number];

function figure(
  name: string,
  type: MetricFamily['type'],
  help: string,
  value: (lane: LaneFigures) => number,
): Figure {
  return [{ name, type, help, labels: ['lane'] }, value];
}

const FIGURES: readonly Figure[] = [
  figure('mgw_lane_serving', 'gauge', '1 while the lane runs requests', ({ isServing }) =>
    Number(isServing),
  ),
  figure('mgw_lane_starts_total', 'counter', 'Times the lane was started', ({ starts }) => starts),
  figure('mgw_lane_revision', 'gauge', 'Configuration that the lane follows', (lane) => {
    return lane.revision;
  }),
  figure('mgw_lane_requests_open', 'gauge', 'Requests open on the lane', (lane) => {
    return lane.openExchanges;
  }),
  figure('mgw_lane_ring_unread_words', 'gauge', 'Words of the ring that are unread', (lane) => {
    return lane.unreadWords;
  }),
  figure('mgw_lane_bells_total', 'counter', 'Times the lane was woken', ({ bells }) => bells),
];

/** {@link MetricSource} of all lanes, as they stood when it was made. */
export class LaneMetrics implements MetricSource {
  readonly families: readonly MetricFamily[] = FIGURES.map(([family]) => family);
  readonly #lanes: readonly LaneFigures[];

  constructor(lanes: readonly LaneFigures[]) {
    this.#lanes = lanes;
  }

  writeMetrics(text: MetricsText): void {
    for (const [family, value] of FIGURES) {
      text.family(family);
      for (const lane of this.#lanes) {
        text.sample(labelText(family.labels, [String(lane.lane)]), value(lane));
      }
    }
  }
}
