// One host of a pool: whether it can be reached, and when the next attempt is due. Shared by the
// multiplexed and the ping-pong pools.

import type { Clock, Random, TimerHandle } from '#core/base/clock.ts';
import type { GatewayError } from '#core/base/errors.ts';
import type { HostAddress } from '#core/base/network.ts';
import { Backoff } from './backoff.ts';

/** Reachability of one host. */
export class HostSlot {
  readonly address: HostAddress;
  /** Why the last attempt failed; null when it did not, or none was made. */
  lastError: GatewayError | null = null;
  /** It worked until now, and the time for the next attempt has not come. */
  isExpected = false;
  readonly #backoff: Backoff;
  readonly #clock: Clock;
  #retryTimer: TimerHandle | null = null;

  constructor(
    address: HostAddress,
    clock: Clock,
    random: Random,
    delays: { readonly reconnectMinMs: number; readonly reconnectMaxMs: number },
  ) {
    this.address = address;
    this.#clock = clock;
    this.#backoff = new Backoff(delays.reconnectMinMs, delays.reconnectMaxMs, random);
  }

  /** The last attempt failed and the time for the next one has not come. */
  get isFailing(): boolean {
    return this.#retryTimer !== null;
  }

  /**
   * The last attempt failed, and none has succeeded since: the host is tried again beside the
   * traffic, which goes to another one as long as there is one.
   */
  get isDown(): boolean {
    return this.lastError !== null;
  }

  /** An attempt succeeded. That a host accepts does not make it one that works. */
  opened(): void {
    this.lastError = null;
  }

  /** The host works. Who waits for the next attempt goes on waiting. */
  proved(): void {
    this.#backoff.succeeded();
    this.lastError = null;
  }

  /** The host works, and may be tried at once. */
  connected(): void {
    this.#backoff.succeeded();
    this.lastError = null;
    this.#clearTimer();
  }

  /** Counts a failed attempt; `retry` runs when the host may be tried again. */
  failed(error: GatewayError, retry: () => void): void {
    this.lastError = error;
    this.isExpected = false;
    this.#pause(retry);
  }

  /** A connection that worked was lost; `retry` runs when the host may be tried again. */
  lost(retry: () => void): void {
    if (this.#retryTimer === null) this.isExpected = true;
    this.#pause(retry);
  }

  close(): void {
    this.#clearTimer();
  }

  #pause(retry: () => void): void {
    if (this.#retryTimer !== null) return;
    this.#retryTimer = this.#clock.setTimer(() => {
      this.#retryTimer = null;
      this.isExpected = false;
      retry();
    }, this.#backoff.failed());
  }

  #clearTimer(): void {
    this.isExpected = false;
    if (this.#retryTimer !== null) this.#clock.clearTimer(this.#retryTimer);
    this.#retryTimer = null;
  }
}
