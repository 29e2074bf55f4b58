// HOT PATH. One finished request as the access log sees it. The owner keeps one record and fills it
// anew for every request; texts are interned or live as long as a connection.

const NO_BYTES = Buffer.alloc(0);

/** Fields of one access log line. */
export class AccessRecord {
  /** Arrival of the request, ms since the Unix epoch. */
  wallMs = 0;
  operationType = '';
  /** Result code that the client was told. */
  resultCode = 0;
  /** Code of the GatewayError; '' for a success. */
  reasonCode = '';
  /** `mmtp` or `http`. */
  protocol = '';
  /** Whole duration in µs. */
  costUs = 0;
  /** Duration of the upstream call in µs; negative when there was none. */
  upstreamCostUs = -1;
  requestBytes = 0;
  responseBytes = 0;
  /** 16 bytes trace id at `traceOffset`; a negative offset: none. */
  traceSource: Buffer = NO_BYTES;
  traceOffset = -1;
  clientIp = '';
  /** User id, upper and lower 32 bits; both 0: none. */
  uidHigh = 0;
  uidLow = 0;
  /** API group; '' when unknown. */
  group = '';
  upstreamName = '';
  /** Number of attempts before this one. */
  attempt = 0;
  /** What the session check found, one word; '' when there was no check. */
  sessionStatus = '';

  /** Back to an empty record. */
  reset(): void {
    this.wallMs = 0;
    this.operationType = '';
    this.resultCode = 0;
    this.reasonCode = '';
    this.protocol = '';
    this.costUs = 0;
    this.upstreamCostUs = -1;
    this.requestBytes = 0;
    this.responseBytes = 0;
    this.traceSource = NO_BYTES;
    this.traceOffset = -1;
    this.clientIp = '';
    this.uidHigh = 0;
    this.uidLow = 0;
    this.group = '';
    this.upstreamName = '';
    this.attempt = 0;
    this.sessionStatus = '';
  }
}
