// What pools and adapters need of a request, and what they tell about it. The exchange room
// implements UpstreamObserver; this room knows neither filters nor downstreams.

import type { Clock, Random } from '#core/base/clock.ts';
import type { GatewayError } from '#core/base/errors.ts';
import { Errors } from '#core/base/errors.ts';
import type { HostAddress, Network } from '#core/base/network.ts';
import type { TimerWheel } from '#core/base/timer-wheel.ts';
import type { RequestMessage, ResponseMessage } from '#core/codec/message.ts';
import type { SessionView } from '#core/codec/session/types.ts';
import type { UpstreamCounters } from '#core/telemetry/counters.ts';
import type { BalancePolicy } from './balance.ts';

/** One request on its way to a service. The object belongs to the observer and is reused. */
export interface UpstreamCall {
  readonly request: RequestMessage;
  readonly response: ResponseMessage;
  readonly session: SessionView;
  readonly hasSession: boolean;
  readonly spanId: Buffer;
  /** Monotonic ms. */
  readonly deadlineMs: number;
  /** The connection, or the waiting line, that holds the call; null when none does. */
  link: object | null;
  /** Id of the call on a multiplexed connection. */
  linkId: number;
  /** The whole request was given to the socket. */
  isSent: boolean;
  /** Times the request was given to a pool, this time included. */
  readonly attempts: number;
  /** Neighbours in a waiting line. */
  linkPrev: UpstreamCall | null;
  linkNext: UpstreamCall | null;
  /** The answer may come in pieces: see {@link UpstreamObserver.streamStarted}. */
  readonly acceptsStream: boolean;
  /** Marks the answer as a failure that has a body of the service's own. */
  refuse(error: GatewayError): void;
  /** Copies the request out of the read buffer; call before keeping it beyond this turn. */
  retainRequest(): void;
}

/** What becomes of calls. */
export interface UpstreamObserver {
  /** Monotonic ms, read once per batch of received bytes. */
  readonly nowMs: number;
  batchStarted(): void;
  /** The answer is in `call.response`, as views that are valid during this call. */
  answered(call: UpstreamCall): void;
  failed(call: UpstreamCall, error: GatewayError): void;
  /** Head of a streamed answer. False: hold the body back, or the call was cancelled. */
  streamStarted(call: UpstreamCall): boolean;
  /** False: hold the rest back until the call is resumed. */
  streamed(call: UpstreamCall, bytes: Buffer, offset: number, length: number): boolean;
  streamEnded(call: UpstreamCall, error: GatewayError | null): void;
  /** `link` does not take data fast enough; who feeds it should stop until `relieved`. */
  congested(call: UpstreamCall, link: object): void;
  relieved(link: object): void;
}

/** What every pool of a lane works with. */
export interface UpstreamEnvironment {
  readonly clock: Clock;
  readonly random: Random;
  readonly network: Network;
  /** Coarse timers for idle connections and heartbeats. */
  readonly idleTimers: TimerWheel;
  readonly observer: UpstreamObserver;
}

/** Settings of one upstream that all protocols share; see `upstreams` of the configuration. */
export interface PoolSettings {
  readonly name: string;
  /** At least one. With `balance: first` the first is the service in the same pod. */
  readonly hosts: readonly HostAddress[];
  readonly balance: BalancePolicy;
  readonly waitersMax: number;
  readonly waitMs: number;
  readonly connectTimeoutMs: number;
  readonly reconnectMinMs: number;
  readonly reconnectMaxMs: number;
  readonly responseBytesMax: number;
  readonly highWatermarkBytes: number;
  readonly counters: UpstreamCounters;
}

/** State of one host of a pool, for the admin API. */
export interface HostStatus {
  readonly host: string;
  readonly state: 'idle' | 'connecting' | 'ready' | 'stalled' | 'failing';
  readonly connections: number;
  readonly openRequests: number;
  readonly lastError: string;
}

/** Reason for a connection that could not be opened, by system error code. */
export function connectError(code: string): GatewayError {
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return Errors.upstreamHostUnknown;
    case 'ECONNREFUSED':
      return Errors.upstreamConnectRefused;
    case 'ETIMEDOUT':
      return Errors.upstreamConnectTimeout;
    default:
      return Errors.upstreamConnectFailed;
  }
}
