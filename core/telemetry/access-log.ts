// HOT PATH. The digest log: one line of JSON per request, gathered in memory and handed to a writer
// by size or after a moment. It never waits: when the writer lags behind, lines are dropped and
// counted, and memory stays within two buffers.
//
//   write() -> filling --(32 KiB or 200 ms, writer free)--> writing -> file
//                 ^                                            |
//                 +------------- swapped when done ------------+

import type { Clock, Random, TimerHandle } from '#core/base/clock.ts';
import { OutBuffer } from '#core/base/out-buffer.ts';
import { ResultCode } from '#core/base/result-codes.ts';
import { AccessLogEncoder } from './access-log-encoder.ts';
import type { AccessRecord } from './access-record.ts';
import type { GatewayCounters } from './counters.ts';
import type { GatewayIdentity } from './identity.ts';

/** Where the lines go. */
export interface AccessLogWriter {
  /**
   * Takes `bytes[0, length)`, whole lines. The bytes stay untouched until `done` is called, exactly
   * once; the next write follows only then.
   *
   * @param done true: written; false: lost
   */
  write(bytes: Buffer, length: number, done: (isWritten: boolean) => void): void;
}

/** Settings of {@link AccessLog}. */
export interface AccessLogOptions {
  readonly writer: AccessLogWriter;
  readonly clock: Clock;
  readonly random: Random;
  /** Gets `accessLogLines` and `accessLogDropped`. */
  readonly counters: GatewayCounters;
  /** Share of the successes that is logged, 0..1; every other result is always logged. */
  readonly sampleRate: number;
  /** Whose lines these are; absent: they do not say it. */
  readonly identity?: GatewayIdentity;
}

/** Lines wait at most this long for company. */
const FLUSH_AFTER_MS = 200;

/** This many bytes are written without waiting. */
const FLUSH_BYTES = 32 * 1024;

/** LIMIT: what may gather while the writer is busy; more is dropped. About 4,000 lines. */
export const ACCESS_LOG_PENDING_BYTES_MAX = 1024 * 1024;

/** Access log of one thread. */
export class AccessLog {
  readonly #writer: AccessLogWriter;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #counters: GatewayCounters;
  readonly #encoder: AccessLogEncoder;
  readonly #sampleRate: number;
  readonly #onTimer: () => void;
  readonly #onDone: (isWritten: boolean) => void;
  #filling = new OutBuffer();
  #fillingLines = 0;
  #writing = new OutBuffer();
  #writingLines = 0;
  #isWriting = false;
  #timer: TimerHandle | null = null;
  #onIdle: (() => void)[] = [];

  constructor(options: AccessLogOptions) {
    this.#writer = options.writer;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#counters = options.counters;
    this.#sampleRate = options.sampleRate;
    this.#encoder = new AccessLogEncoder(options.identity);
    this.#onTimer = () => {
      this.#timer = null;
      this.#flush();
    };
    this.#onDone = (isWritten) => this.#written(isWritten);
  }

  /** Logs one finished request; `record` may be reused at once. */
  write(record: AccessRecord): void {
    if (record.resultCode === ResultCode.success && this.#sampleRate < 1) {
      if (this.#random.unit() >= this.#sampleRate) return;
    }
    const out = this.#filling;
    const needed = this.#encoder.lineBytesMax(record);
    if (out.length + needed > ACCESS_LOG_PENDING_BYTES_MAX) {
      this.#counters.accessLogDropped++;
      return;
    }
    const at = out.reserve(needed);
    out.length = this.#encoder.encode(record, out.bytes, at);
    this.#fillingLines++;
    if (out.length >= FLUSH_BYTES) this.#flush();
    else if (this.#timer === null) {
      this.#timer = this.#clock.setTimer(this.#onTimer, FLUSH_AFTER_MS);
    }
  }

  /** Hands everything to the writer and resolves when it is written or lost. */
  async drain(): Promise<void> {
    this.#flush();
    while (this.#isWriting) {
      await new Promise<void>((resolve) => this.#onIdle.push(resolve));
      this.#flush();
    }
    if (this.#timer !== null) this.#clock.clearTimer(this.#timer);
    this.#timer = null;
  }

  /** Starts a write unless one is under way; then the end of that one comes back here. */
  #flush(): void {
    if (this.#isWriting || this.#filling.length === 0) return;
    const out = this.#filling;
    this.#filling = this.#writing;
    this.#writing = out;
    this.#writingLines = this.#fillingLines;
    this.#fillingLines = 0;
    this.#isWriting = true;
    this.#writer.write(out.bytes, out.length, this.#onDone);
  }

  #written(isWritten: boolean): void {
    if (isWritten) this.#counters.accessLogLines += this.#writingLines;
    else this.#counters.accessLogDropped += this.#writingLines;
    this.#isWriting = false;
    this.#writing.release();
    const waiting = this.#onIdle;
    if (waiting.length > 0) {
      this.#onIdle = [];
      for (const resume of waiting) resume();
    }
    if (this.#filling.length >= FLUSH_BYTES) this.#flush();
    else if (this.#filling.length > 0 && this.#timer === null) {
      this.#timer = this.#clock.setTimer(this.#onTimer, FLUSH_AFTER_MS);
    }
  }
}
