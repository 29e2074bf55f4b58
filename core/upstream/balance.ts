// HOT PATH. Which host of a pool the next call goes to when hosts are alike. Knows hosts by their
// index only; what a host is, and whether it can take a call, is the pool's business.
// Invariant: an unusable host costs one question and takes nothing from the evenness of the others.

import type { Random } from '#core/base/clock.ts';

/**
 * `first`: the first host that can be reached, the others only while it cannot (a sidecar, whose
 * first host is in its pod). `round-robin`: each in turn. `least-open`: of two hosts the one with
 * fewer open calls, the first of the two in turn and the second drawn; two choices are nearly as
 * good as looking at all hosts, and lanes that do not know of each other do not run to the same
 * one. Source: Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 2001.
 */
export type BalancePolicy = 'first' | 'round-robin' | 'least-open';

/** The hosts of a pool as a balancer sees them. */
export interface BalancedHosts {
  readonly hostCount: number;
  /** The host can take a call now. A pool may take the question as a reason to connect. */
  isUsable(host: number): boolean;
  /** Calls that the host has not answered yet. */
  openCountOf(host: number): number;
}

/** Chooses hosts of one pool, by `round-robin` or `least-open`. */
export class Balancer {
  readonly #hosts: BalancedHosts;
  readonly #random: Random;
  readonly #isLeastOpen: boolean;
  /** Host whose turn it is. */
  #turn = 0;

  constructor(policy: BalancePolicy, hosts: BalancedHosts, random: Random) {
    this.#hosts = hosts;
    this.#random = random;
    this.#isLeastOpen = policy === 'least-open';
  }

  /** Index of a usable host; -1 when there is none. */
  pick(): number {
    const hosts = this.#hosts;
    const count = hosts.hostCount;
    const one = this.#usableFrom(this.#turn);
    if (one < 0) return -1;
    this.#turn = one + 1 === count ? 0 : one + 1;
    if (!this.#isLeastOpen || count === 1) return one;
    const other = this.#usableFrom(
      (one + 1 + Math.floor(this.#random.unit() * (count - 1))) % count,
    );
    return hosts.openCountOf(other) < hosts.openCountOf(one) ? other : one;
  }

  /** The first usable host from `start` on, round to the one before it. */
  #usableFrom(start: number): number {
    const hosts = this.#hosts;
    const count = hosts.hostCount;
    let host = start;
    for (let tried = 0; tried < count; tried++) {
      if (hosts.isUsable(host)) return host;
      host = host + 1 === count ? 0 : host + 1;
    }
    return -1;
  }
}
