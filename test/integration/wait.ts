// Waiting for a condition with a deadline, instead of sleeping and hoping.

import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

/** LIMIT: how long a condition may take on a busy machine. */
const WAIT_MS_MAX = 8000;

const LOOK_EVERY_MS = 2;

/**
 * Resolves once `isTrue` answers true.
 *
 * @param what said when it does not in time
 */
export async function until(
  isTrue: () => boolean,
  what: string | (() => string),
  waitMs = WAIT_MS_MAX,
): Promise<void> {
  const deadline = performance.now() + waitMs;
  while (!isTrue()) {
    if (performance.now() > deadline) {
      assert.fail(`not within ${waitMs} ms: ${typeof what === 'string' ? what : what()}`);
    }
    await delay(LOOK_EVERY_MS);
  }
}

/** `promise`, or a failure that names `what` when it takes too long. */
export async function within<T>(
  promise: Promise<T>,
  what: string,
  waitMs = WAIT_MS_MAX,
): Promise<T> {
  const late = new AbortController();
  const timeout = delay(waitMs, undefined, { signal: late.signal, ref: false }).then(
    () => assert.fail(`not within ${waitMs} ms: ${what}`),
    () => undefined as never,
  );
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    late.abort();
  }
}

/** Wakes everybody who waits for the next event. */
export class Signal {
  #waiting: (() => void)[] = [];

  /** Resolves at the next {@link fire}. */
  next(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  fire(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
