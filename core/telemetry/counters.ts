// HOT PATH. What the data plane of one thread counts: plain numeric fields that connections, pools
// and exchanges increment directly. One writer, so an increment is an add. The names that operators
// see, and the texts, are in counter-metrics.ts; a test holds the two together.
// Counters only grow; a gauge is the difference of two counters, so it cannot drift from them.

/** Everything that one downstream protocol counts. */
export class DownstreamCounters {
  /** Connections accepted. */
  connectionsOpened = 0;
  /** Connections gone, whoever ended them. */
  connectionsClosed = 0;
  /** Connections closed at accept because a limit was reached or the gateway drains. */
  connectionsRefused = 0;
  /** Connections closed because the peer broke the protocol. */
  connectionsMalformed = 0;
  /** Connections that the peer reset while requests were open on them. */
  connectionsAborted = 0;
  /** Connections closed because the peer did not read its answers. */
  slowReadersClosed = 0;
  /** Connections closed because they held incomplete input while all inputs took too much. */
  slowSendersClosed = 0;
  /** Connections closed because a request head did not arrive in time. */
  headerTimeouts = 0;
  /** Connections closed because a request body, or the rest of a frame, did not come in time. */
  bodyTimeouts = 0;
  /** Connections closed after the idle time. */
  idleTimeouts = 0;
  /** Connections closed because INIT did not come in time (Mmtp only). */
  initTimeouts = 0;
  /** Times reading paused because answers or upstreams were congested. */
  readPauses = 0;
  /** Complete requests received. */
  requestsIn = 0;
  /** Requests that the client took back or left behind before the answer. */
  requestsCancelled = 0;
  /** Answers written. */
  responsesOut = 0;
  bytesIn = 0;
  bytesOut = 0;

  /** Connections open now. */
  get connectionsOpen(): number {
    return this.connectionsOpened - this.connectionsClosed;
  }
}

/** Everything that the pools of one upstream count. */
export class UpstreamCounters {
  /** Connection attempts. */
  connects = 0;
  /** Attempts that failed: refused, unresolvable, unreachable. */
  connectFailures = 0;
  /** Attempts that took too long. */
  connectTimeouts = 0;
  /** Connections established. */
  connectionsOpened = 0;
  /** Established connections gone, whoever ended them. */
  connectionsClosed = 0;
  /** Established connections that ended with requests open on them. */
  resets = 0;
  /** Connections closed because the service broke the protocol. */
  protocolErrors = 0;
  /** Requests written, every attempt counted. */
  requestsSent = 0;
  /** Requests written that have ended: answered, failed, timed out or cancelled. */
  requestsEnded = 0;
  /** Second and later attempts of a request. */
  retries = 0;
  /** Requests that had to wait for a connection. */
  waitsStarted = 0;
  /** Waits that ended, whatever the outcome. */
  waitsEnded = 0;
  /** Waits that ended because they took too long. */
  waitTimeouts = 0;
  /** Requests refused because too many waited already. */
  waitsRefused = 0;
  heartbeatsSent = 0;
  /** Heartbeats without an answer in time. */
  heartbeatsMissed = 0;
  /** Times a connection was left alone because its peer took too little of what was queued. */
  stalls = 0;
  /** Answers dropped because their request had ended before. */
  lateResponses = 0;
  /** Times reading paused because a client was congested. */
  readPauses = 0;
  bytesIn = 0;
  bytesOut = 0;

  /** Nothing is open any more: the thread that counted is gone. Cold path. */
  endAll(): void {
    this.connectionsClosed = this.connectionsOpened;
    this.requestsEnded = this.requestsSent;
    this.waitsEnded = this.waitsStarted;
  }

  /** Connections open now. */
  get connectionsOpen(): number {
    return this.connectionsOpened - this.connectionsClosed;
  }

  /** Requests without an answer yet. */
  get requestsOpen(): number {
    return this.requestsSent - this.requestsEnded;
  }

  /** Requests waiting for a connection now. */
  get waiters(): number {
    return this.waitsStarted - this.waitsEnded;
  }
}

/** Counters by field. */
export type CounterValues = Readonly<Record<string, number>>;

/** {@link GatewayCounters} as other threads are sent it. */
export interface CountersData {
  readonly own: CounterValues;
  readonly mmtp: CounterValues;
  readonly http: CounterValues;
  readonly upstreams: readonly (readonly [name: string, values: CounterValues])[];
}

/** The counters of `object` itself: its numeric fields, not what getters derive of them. */
function valuesOf(object: object): CounterValues {
  const numbers = Object.entries(object).filter(([, value]) => typeof value === 'number');
  return Object.fromEntries(numbers) as CounterValues;
}

function addValues(object: object, values: CounterValues): void {
  const target = object as Record<string, number>;
  for (const [field, value] of Object.entries(values)) target[field]! += value;
}

/** LIMIT: upstream names with counters of their own; the rest share {@link OVERFLOW_NAME}. */
export const UPSTREAM_COUNTERS_MAX = 1024;

/** Label value for whatever has no counters of its own because a table is full. */
export const OVERFLOW_NAME = '_other';

/** All counters of one thread. */
export class GatewayCounters {
  readonly mmtp = new DownstreamCounters();
  readonly http = new DownstreamCounters();
  readonly #upstreams = new Map<string, UpstreamCounters>();

  /** Mmtp frames received, of any type. */
  mmtpFramesIn = 0;
  /** Mmtp frames skipped because their type is unknown. */
  mmtpFramesUnknown = 0;
  /** GOAWAY frames sent. */
  mmtpGoawaysSent = 0;
  /** Requests that entered the gateway. */
  exchangesStarted = 0;
  /** Requests that completed, however they ended. */
  exchangesCompleted = 0;
  /** Requests refused because too many were open. */
  exchangesRefused = 0;
  /** Filters that threw or returned no status; each such request was answered 5000. */
  filterErrors = 0;
  /** Connections closed because code of the gateway threw. */
  internalErrors = 0;
  /** Lines written to the access log. */
  accessLogLines = 0;
  /** Lines lost because the access log's writer lagged or failed. */
  accessLogDropped = 0;
  /** Configurations applied. */
  configsApplied = 0;
  /** Configurations refused. */
  configsRefused = 0;
  /** Lanes that died and were replaced. */
  lanesLost = 0;
  /** Requests that were answered 5000 because their lane died. */
  laneRequestsLost = 0;

  /** Everything as plain data. Cold path. */
  toData(): CountersData {
    return {
      own: valuesOf(this),
      mmtp: valuesOf(this.mmtp),
      http: valuesOf(this.http),
      upstreams: [...this.#upstreams].map(([name, values]) => [name, valuesOf(values)]),
    };
  }

  /** Adds what the counters of another thread gave by `toData`. Cold path. */
  add(other: CountersData): void {
    addValues(this, other.own);
    addValues(this.mmtp, other.mmtp);
    addValues(this.http, other.http);
    for (const [name, values] of other.upstreams) addValues(this.upstream(name), values);
  }

  /** Nothing is open any more: the thread that counted is gone. Cold path. */
  endAll(): void {
    this.exchangesCompleted = this.exchangesStarted;
    for (const upstream of this.#upstreams.values()) upstream.endAll();
  }

  /** Requests open now. */
  get exchangesOpen(): number {
    return this.exchangesStarted - this.exchangesCompleted;
  }

  /** Upstreams with counters, in order of first use. */
  get upstreams(): ReadonlyMap<string, UpstreamCounters> {
    return this.#upstreams;
  }

  /**
   * Counters of the upstream `name`: the same object for the same name, so that they survive a
   * change of configuration. Cold path: pools keep what they get.
   */
  upstream(name: string): UpstreamCounters {
    const known = this.#upstreams.get(name);
    if (known !== undefined) return known;
    if (this.#upstreams.size >= UPSTREAM_COUNTERS_MAX && name !== OVERFLOW_NAME) {
      return this.upstream(OVERFLOW_NAME);
    }
    const made = new UpstreamCounters();
    this.#upstreams.set(name, made);
    return made;
  }
}
