// Names and texts of the counters: which field of counters.ts appears under which metric and
// labels. Invariant (tested): every numeric field appears exactly once, and every family has a help
// text.

import type { DownstreamCounters, GatewayCounters, UpstreamCounters } from './counters.ts';
import { labelText, type MetricFamily, type MetricSource, type MetricsText } from './prometheus.ts';

/** Names of the numeric fields of a counter class. */
type NumericField<T> = { [K in keyof T]: T[K] extends number ? K : never }[keyof T] & string;

/** One family and the fields it is read from. */
export interface CounterFamily<T> {
  readonly family: MetricFamily;
  /** Field, and the values of the labels beyond those of the object itself. */
  readonly series: readonly (readonly [field: NumericField<T>, ...labelValues: string[]])[];
}

function counter<T>(
  name: string,
  help: string,
  field: NumericField<T>,
  labels: readonly string[],
): CounterFamily<T> {
  return { family: { name, type: 'counter', help, labels }, series: [[field]] };
}

function gauge<T>(
  name: string,
  help: string,
  field: NumericField<T>,
  labels: readonly string[],
): CounterFamily<T> {
  return { family: { name, type: 'gauge', help, labels }, series: [[field]] };
}

const BY_PROTOCOL = ['protocol'] as const;

function downstream(
  name: string,
  help: string,
  field: NumericField<DownstreamCounters>,
): CounterFamily<DownstreamCounters> {
  return counter(`mgw_downstream_${name}_total`, help, field, BY_PROTOCOL);
}

/** Metrics with the label `protocol`: `mmtp` or `http`. */
export const DOWNSTREAM_FAMILIES: readonly CounterFamily<DownstreamCounters>[] = [
  gauge(
    'mgw_downstream_connections',
    'Client connections open now',
    'connectionsOpen',
    BY_PROTOCOL,
  ),
  downstream('connections_opened', 'Client connections accepted', 'connectionsOpened'),
  downstream(
    'connections_closed',
    'Client connections closed, whoever ended them',
    'connectionsClosed',
  ),
  downstream(
    'connections_refused',
    'Client connections closed at accept: limit reached or draining',
    'connectionsRefused',
  ),
  downstream(
    'connections_malformed',
    'Client connections closed because the peer broke the protocol',
    'connectionsMalformed',
  ),
  downstream(
    'connections_aborted',
    'Client connections that ended with requests open on them',
    'connectionsAborted',
  ),
  downstream(
    'slow_readers_closed',
    'Client connections closed because the peer did not read its answers',
    'slowReadersClosed',
  ),
  downstream(
    'slow_senders_closed',
    'Client connections closed for incomplete input while all inputs took too much memory',
    'slowSendersClosed',
  ),
  {
    family: {
      name: 'mgw_downstream_timeouts_total',
      type: 'counter',
      help: 'Client connections closed by a timeout, by what did not arrive in time',
      labels: ['protocol', 'kind'],
    },
    series: [
      ['headerTimeouts', 'header'],
      ['bodyTimeouts', 'body'],
      ['idleTimeouts', 'idle'],
      ['initTimeouts', 'init'],
    ],
  },
  downstream('read_pauses', 'Times reading from a client paused: back-pressure', 'readPauses'),
  downstream('requests', 'Complete requests received', 'requestsIn'),
  downstream(
    'requests_cancelled',
    'Requests that the client took back or left behind before the answer',
    'requestsCancelled',
  ),
  downstream('responses', 'Answers written', 'responsesOut'),
  downstream('received_bytes', 'Bytes received from clients', 'bytesIn'),
  downstream('sent_bytes', 'Bytes sent to clients', 'bytesOut'),
];

const BY_UPSTREAM = ['upstream'] as const;

function upstream(
  name: string,
  help: string,
  field: NumericField<UpstreamCounters>,
): CounterFamily<UpstreamCounters> {
  return counter(`mgw_upstream_${name}_total`, help, field, BY_UPSTREAM);
}

/** Metrics with the label `upstream`. */
export const UPSTREAM_FAMILIES: readonly CounterFamily<UpstreamCounters>[] = [
  gauge(
    'mgw_upstream_connections',
    'Connections to the upstream open now',
    'connectionsOpen',
    BY_UPSTREAM,
  ),
  gauge(
    'mgw_upstream_requests_open',
    'Requests that wait for an answer of the upstream',
    'requestsOpen',
    BY_UPSTREAM,
  ),
  gauge('mgw_upstream_waiters', 'Requests that wait for a connection', 'waiters', BY_UPSTREAM),
  upstream('connects', 'Connection attempts', 'connects'),
  {
    family: {
      name: 'mgw_upstream_connect_failures_total',
      type: 'counter',
      help: 'Connection attempts that failed, by reason',
      labels: ['upstream', 'reason'],
    },
    series: [
      ['connectFailures', 'failed'],
      ['connectTimeouts', 'timeout'],
    ],
  },
  upstream('connections_opened', 'Connections established', 'connectionsOpened'),
  upstream('connections_closed', 'Established connections closed', 'connectionsClosed'),
  upstream('resets', 'Connections that ended with requests open on them', 'resets'),
  upstream(
    'protocol_errors',
    'Connections closed because the service broke the protocol',
    'protocolErrors',
  ),
  upstream('requests', 'Requests written, every attempt counted', 'requestsSent'),
  upstream('requests_ended', 'Written requests that ended, however', 'requestsEnded'),
  upstream('retries', 'Second and later attempts', 'retries'),
  upstream('waits', 'Requests that had to wait for a connection', 'waitsStarted'),
  upstream('waits_ended', 'Waits for a connection that ended, however', 'waitsEnded'),
  upstream('wait_timeouts', 'Waits for a connection that took too long', 'waitTimeouts'),
  upstream('waits_refused', 'Requests refused because too many waited', 'waitsRefused'),
  upstream('heartbeats', 'Heartbeats sent', 'heartbeatsSent'),
  upstream('heartbeats_missed', 'Heartbeats without an answer in time', 'heartbeatsMissed'),
  upstream('stalls', 'Times a connection that takes too little was left alone', 'stalls'),
  upstream(
    'late_responses',
    'Answers dropped because their request had ended before',
    'lateResponses',
  ),
  upstream('read_pauses', 'Times reading from a service paused: back-pressure', 'readPauses'),
  upstream('received_bytes', 'Bytes received from services', 'bytesIn'),
  upstream('sent_bytes', 'Bytes sent to services', 'bytesOut'),
];

/** Metrics without labels. */
export const GATEWAY_FAMILIES: readonly CounterFamily<GatewayCounters>[] = [
  gauge('mgw_exchanges', 'Requests open now', 'exchangesOpen', []),
  counter(
    'mgw_exchanges_started_total',
    'Requests that entered the gateway',
    'exchangesStarted',
    [],
  ),
  counter(
    'mgw_exchanges_completed_total',
    'Requests that completed, however they ended',
    'exchangesCompleted',
    [],
  ),
  counter(
    'mgw_exchanges_refused_total',
    'Requests refused because too many were open',
    'exchangesRefused',
    [],
  ),
  counter(
    'mgw_filter_errors_total',
    'Filters that threw or returned no status',
    'filterErrors',
    [],
  ),
  counter(
    'mgw_internal_errors_total',
    'Connections closed because code of the gateway threw',
    'internalErrors',
    [],
  ),
  counter('mgw_mmtp_frames_total', 'Mmtp frames received', 'mmtpFramesIn', []),
  counter(
    'mgw_mmtp_frames_unknown_total',
    'Mmtp frames skipped because their type is unknown',
    'mmtpFramesUnknown',
    [],
  ),
  counter('mgw_mmtp_goaways_total', 'GOAWAY frames sent', 'mmtpGoawaysSent', []),
  counter('mgw_access_log_lines_total', 'Lines written to the access log', 'accessLogLines', []),
  counter(
    'mgw_access_log_dropped_total',
    'Access log lines lost because the writer lagged or failed',
    'accessLogDropped',
    [],
  ),
  counter('mgw_configs_applied_total', 'Configurations applied', 'configsApplied', []),
  counter('mgw_configs_refused_total', 'Configurations refused', 'configsRefused', []),
  counter('mgw_lanes_lost_total', 'Lanes that died and were replaced', 'lanesLost', []),
  counter(
    'mgw_lane_requests_lost_total',
    'Requests answered 5000 because the lane that ran them died',
    'laneRequestsLost',
    [],
  ),
];

/** Exposes all counters of one thread. */
export class CounterMetrics implements MetricSource {
  readonly families: readonly MetricFamily[] = [
    ...GATEWAY_FAMILIES.map((entry) => entry.family),
    ...DOWNSTREAM_FAMILIES.map((entry) => entry.family),
    ...UPSTREAM_FAMILIES.map((entry) => entry.family),
  ];
  readonly #counters: GatewayCounters;

  constructor(counters: GatewayCounters) {
    this.#counters = counters;
  }

  writeMetrics(text: MetricsText): void {
    const counters = this.#counters;
    writeFamilies(text, GATEWAY_FAMILIES, [[[], counters]]);
    writeFamilies(text, DOWNSTREAM_FAMILIES, [
      [['mmtp'], counters.mmtp],
      [['http'], counters.http],
    ]);
    const names = [...counters.upstreams.keys()].sort();
    writeFamilies(
      text,
      UPSTREAM_FAMILIES,
      names.map((name) => [[name], counters.upstreams.get(name)!]),
    );
  }
}

function writeFamilies<T>(
  text: MetricsText,
  families: readonly CounterFamily<T>[],
  objects: readonly (readonly [labelValues: readonly string[], counters: T])[],
): void {
  for (const { family, series } of families) {
    text.family(family);
    for (const [own, counters] of objects) {
      for (const [field, ...labelValues] of series) {
        text.sample(labelText(family.labels, [...own, ...labelValues]), Number(counters[field]));
      }
    }
  }
}

/** The numeric fields of a counter object as plain data, for the admin API. */
export function counterValues<T>(
  counters: T,
  families: readonly CounterFamily<T>[],
): Record<string, number> {
  const values: Record<string, number> = {};
  for (const { series } of families) {
    for (const [field] of series) values[field] = Number(counters[field]);
  }
  return values;
}
