// The log for people of one process: JSON lines on stderr by pino, level changeable at run time.
// pino takes about 18 ms to load, too much of a start: it is loaded by the first line written, or
// by `prepare()` once the process serves. Lines gather in memory for the moment and leave at exit
// at the latest; a stuck reader of stderr loses lines instead of stopping the data plane.

import { createRequire } from 'node:module';
import type { DestinationStream, Logger, pino } from 'pino';
import type { Clock } from '#core/base/clock.ts';
import type { Log, LogFields } from '#core/telemetry/log.ts';

/** Levels in rising order; `silent` writes nothing. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Is `text` the name of a level? */
export function isLogLevel(text: string): text is LogLevel {
  return (LOG_LEVELS as readonly string[]).includes(text);
}

/** Settings of {@link ProcessLog}. */
export interface ProcessLogOptions {
  readonly level: LogLevel;
  /** Appears in every line: sidecar, central, access ... */
  readonly role: string;
  readonly clock: Clock;
  /** Where lines go; stderr when left out. */
  readonly destination?: DestinationStream;
}

/** LIMIT: bytes that may wait for a slow stderr. */
const PENDING_BYTES_MAX = 1024 * 1024;

const STDERR = 2;

/** A key of {@link Log.warnLimited} is silent for this long after a line. */
export const LIMITED_WINDOW_MS = 10_000;

/** LIMIT: keys remembered; keys are a fixed set of names, so this is only a safety net. */
const LIMITED_KEYS_MAX = 256;
const OVERFLOW_KEY = 'other';

interface LimitedKey {
  silentUntilMs: number;
  suppressed: number;
}

const require = createRequire(import.meta.url);

/** {@link Log} over pino. */
export class ProcessLog implements Log {
  readonly #options: ProcessLogOptions;
  readonly #limited = new Map<string, LimitedKey>();
  #level: LogLevel;
  #rank: number;
  #logger: Logger | null = null;

  constructor(options: ProcessLogOptions) {
    this.#options = options;
    this.#level = options.level;
    this.#rank = LOG_LEVELS.indexOf(options.level);
  }

  /** What the process is: sidecar, central ... */
  get role(): string {
    return this.#options.role;
  }

  get level(): LogLevel {
    return this.#level;
  }

  /** Changes the level from now on. @returns false, and nothing changed, for an unknown name */
  setLevel(level: string): boolean {
    if (!isLogLevel(level)) return false;
    this.#level = level;
    this.#rank = LOG_LEVELS.indexOf(level);
    if (this.#logger !== null) this.#logger.level = level;
    return true;
  }

  /** Loads pino now, so that the first line does not have to. */
  prepare(): void {
    this.#logger ??= createLogger(this.#options, this.#level);
  }

  debug(message: string, fields?: LogFields): void {
    this.#write('debug', message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#write('info', message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#write('warn', message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#write('error', message, fields);
  }

  warnLimited(key: string, message: string, fields?: LogFields): void {
    if (LOG_LEVELS.indexOf('warn') < this.#rank) return;
    const limited = this.#limitedKey(key);
    const now = this.#options.clock.nowMs();
    if (now < limited.silentUntilMs) {
      limited.suppressed++;
      return;
    }
    const suppressed = limited.suppressed;
    limited.silentUntilMs = now + LIMITED_WINDOW_MS;
    limited.suppressed = 0;
    this.#write('warn', message, { ...fields, key, suppressed });
  }

  #limitedKey(key: string): LimitedKey {
    const known = this.#limited.get(key);
    if (known !== undefined) return known;
    if (this.#limited.size >= LIMITED_KEYS_MAX && key !== OVERFLOW_KEY) {
      return this.#limitedKey(OVERFLOW_KEY);
    }
    const made: LimitedKey = { silentUntilMs: -Infinity, suppressed: 0 };
    this.#limited.set(key, made);
    return made;
  }

  #write(level: Exclude<LogLevel, 'silent'>, message: string, fields?: LogFields): void {
    if (LOG_LEVELS.indexOf(level) < this.#rank) return;
    this.prepare();
    const logger = this.#logger!;
    if (fields === undefined) logger[level](message);
    else logger[level](fields, message);
  }
}

function createLogger(options: ProcessLogOptions, level: LogLevel): Logger {
  const load: typeof pino = require('pino');
  const destination =
    options.destination ??
    load.destination({ dest: STDERR, sync: false, maxLength: PENDING_BYTES_MAX });
  return load(
    {
      level,
      base: { pid: process.pid, role: options.role },
      timestamp: load.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
}
