// HOT PATH. Whole requests that are there but not run yet: those of one read, or of one look at a
// ring. What is dear alone and cheap together is done for all of them before the first is run: the
// MACs of their sessions.
// Invariant: a request that was aborted in the meantime is not run; nothing is left after `run`.

import type { Exchange } from '#core/pipeline/exchange.ts';

/** LIMIT: requests that wait for each other. */
export const STAGED_MAX = 32;

/** Looks ahead at requests that are about to run. */
export interface Lookahead {
  add(exchange: Exchange): void;
  /** Everything was added. */
  verify(): void;
  /** The requests have run; their memory may change. */
  clear(): void;
}

/** What staged requests are run by. */
export interface RequestRunner {
  proceed(exchange: Exchange): void;
}

export class StagedRequests {
  readonly #lookahead: Lookahead | null;
  readonly #exchanges: (Exchange | null)[] = Array.from({ length: STAGED_MAX }, () => null);
  readonly #serials = new Int32Array(STAGED_MAX);
  readonly #tags = new Int32Array(STAGED_MAX);
  #count = 0;

  /** @param lookahead null: nothing is gained by looking */
  constructor(lookahead: Lookahead | null) {
    this.#lookahead = lookahead;
  }

  get isFull(): boolean {
    return this.#count === STAGED_MAX;
  }

  /** @param tag what `run` tells when it comes to this one */
  add(exchange: Exchange, tag: number): void {
    const at = this.#count++;
    this.#exchanges[at] = exchange;
    this.#serials[at] = exchange.serial;
    this.#tags[at] = tag;
  }

  /** Runs all in order: `before` with the tag of each, then the request unless it was aborted. */
  run(before: ((tag: number) => void) | null, runner: RequestRunner): void {
    const count = this.#count;
    if (count === 0) return;
    this.#count = 0;
    const lookahead = count > 1 ? this.#lookahead : null;
    try {
      if (lookahead !== null) this.#lookAhead(lookahead, count);
      for (let i = 0; i < count; i++) {
        const exchange = this.#exchanges[i]!;
        if (before !== null) before(this.#tags[i]!);
        if (exchange.serial === this.#serials[i]) runner.proceed(exchange);
      }
    } finally {
      lookahead?.clear();
    }
  }

  #lookAhead(lookahead: Lookahead, count: number): void {
    for (let i = 0; i < count; i++) {
      const exchange = this.#exchanges[i]!;
      if (exchange.serial === this.#serials[i]) lookahead.add(exchange);
    }
    lookahead.verify();
  }
}
