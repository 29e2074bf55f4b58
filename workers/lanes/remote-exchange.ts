// HOT PATH. A request that another lane runs, as the acceptor sees it: what its connection needs to
// write the answer, and where the request is. The lane has an exchange of its own for it; the two
// know each other by index and serial.

import type { GatewayError } from '#core/base/errors.ts';
import { RequestMessage, ResponseMessage } from '#core/codec/message.ts';
import type {
  DownstreamApi,
  DownstreamConnection,
  DownstreamExchange,
} from '#core/downstream/contract.ts';
import type { LaneLink } from './lane-link.ts';

/** How far the request went. */
export const RemoteState = {
  free: 0,
  /** Its connection fills it. */
  open: 1,
  /** Its head was handed over; its body is awaited. */
  begun: 2,
  /** All of it was handed over. */
  sent: 3,
  /** Its answer has begun. */
  streaming: 4,
} as const;
export type RemoteState = (typeof RemoteState)[keyof typeof RemoteState];

export class RemoteExchange implements DownstreamExchange {
  /** Index in the acceptor's table, 0-based. */
  readonly slot: number;
  /** Changes with every use of the object: a late record about the request before is dropped. */
  serial = 0;
  state: RemoteState = RemoteState.free;
  connection: DownstreamConnection | null = null;
  /** The lane that has it; null while none does. */
  link: LaneLink | null = null;
  /** The record that holds all of it ends here, once it is written; the lane may run it then. */
  sentAt = 0;
  isWritten = false;
  /** A lane that had it died before it touched it. */
  hasMoved = false;
  readonly request = new RequestMessage();
  readonly response = new ResponseMessage();
  streamId = 0;
  /** Its head was handed over: its connection leaves the offsets alone. */
  isRetained = false;
  /** The request must run where others of its kind do; see `LaneDispatcher`. */
  mayRepeat = false;
  error: GatewayError | null = null;
  startedMs = 0;
  sentMs = 0;
  answeredMs = 0;
  repliedMs = 0;
  responseBytes = 0;
  api: DownstreamApi | null = null;
  /** Parts of an answer that is too large for one record. */
  parts: Buffer[] | null = null;
  /** Bytes of a streamed answer that the client has not taken; the lane waits to hear of them. */
  heldBytes = 0;

  constructor(slot: number) {
    this.slot = slot;
  }

  /** Ready for the next request. */
  reset(): void {
    this.serial = (this.serial + 1) | 0;
    this.state = RemoteState.free;
    this.connection = null;
    this.link = null;
    this.isRetained = this.isWritten = this.hasMoved = false;
    this.request.reset();
    this.response.reset();
    this.streamId = 0;
    this.mayRepeat = false;
    this.error = null;
    this.startedMs = this.sentMs = this.answeredMs = this.repliedMs = 0;
    this.responseBytes = 0;
    this.api = null;
    this.parts = null;
    this.heldBytes = 0;
  }
}

/** All of them, by index. */
export class RemoteExchanges {
  readonly #all: RemoteExchange[] = [];
  readonly #free: RemoteExchange[] = [];
  readonly #countMax: number;

  /** @param countMax LIMIT: requests that lanes may have open, all together */
  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  get openCount(): number {
    return this.#all.length - this.#free.length;
  }

  /** Null when there are as many as there may be. */
  take(): RemoteExchange | null {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#all.length === this.#countMax) return null;
    const made = new RemoteExchange(this.#all.length);
    this.#all.push(made);
    return made;
  }

  give(exchange: RemoteExchange): void {
    exchange.reset();
    this.#free.push(exchange);
  }

  /** The exchange that a record is about; null when it has ended since. */
  find(index: number, serial: number): RemoteExchange | null {
    const exchange = this.#all[index];
    return exchange !== undefined && exchange.serial === serial ? exchange : null;
  }

  /** Those that `link` has. Cold path. */
  of(link: LaneLink): RemoteExchange[] {
    return this.#all.filter((exchange) => exchange.link === link);
  }
}
