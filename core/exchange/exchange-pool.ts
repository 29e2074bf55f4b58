// HOT PATH. Exchange objects of one lane: made as they are needed, up to a limit, and used again.

import { Exchange, type ExchangeResumer } from '#core/pipeline/exchange.ts';

export class ExchangePool {
  readonly #resumer: ExchangeResumer;
  readonly #onDeadline: (exchange: Exchange) => void;
  readonly #countMax: number;
  readonly #free: Exchange[] = [];
  #created = 0;

  /** @param countMax LIMIT: open exchanges of the lane */
  constructor(
    resumer: ExchangeResumer,
    onDeadline: (exchange: Exchange) => void,
    countMax: number,
  ) {
    this.#resumer = resumer;
    this.#onDeadline = onDeadline;
    this.#countMax = countMax;
  }

  get openCount(): number {
    return this.#created - this.#free.length;
  }

  /** Null when the limit is reached. */
  take(): Exchange | null {
    const exchange = this.#free.pop();
    if (exchange !== undefined) return exchange;
    if (this.#created === this.#countMax) return null;
    return new Exchange(this.#created++, this.#resumer, this.#onDeadline);
  }

  /** Takes an exchange back, whose `reset` was called. */
  give(exchange: Exchange): void {
    this.#free.push(exchange);
  }
}
