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

  connected(): void {
    this.#backoff.succeeded();
    this.lastError = null;
    this.#clearTimer();
  }

  /** Counts a failed attempt; `retry` runs when the host may be tried again. */
  failed(error: GatewayError, retry: () => void): void {
    this.lastError = error;
    if (this.#retryTimer !== null) return;
    this.#retryTimer = this.#clock.setTimer(() => {
      this.#retryTimer = null;
      retry();
    }, this.#backoff.failed());
  }

  close(): void {
    this.#clearTimer();
  }

  #clearTimer(): void {
    if (this.#retryTimer !== null) this.#clock.clearTimer(this.#retryTimer);
    this.#retryTimer = null;
  }
}
