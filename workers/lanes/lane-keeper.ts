// The life of one lane: started on a thread of the pool, watched, replaced when it dies.
//
//   starting ─ready─▶ serving ─┬─ thread ends, or hangs ─▶ dead ─(at once, later slower)─▶ starting
//                              └─ stop ─▶ stopped
//
// A lane that dies young is started again more and more slowly, so that a lane which cannot live
// does not take the machine with it.

import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { Clock, TimerHandle } from '#core/base/clock.ts';
import type { Log } from '#core/telemetry/log.ts';
import type { Problem } from '#config/problem.ts';
import { arenaBytes } from '#core/slot-arena.ts';
import type { LaneConfig } from '../load-input.ts';
import type { LogLevel } from '../log.ts';
import { LANE_SLOTS } from './lane-slots.ts';
import type { LaneLink } from './lane-link.ts';
import { HEARTBEAT_MS, type LaneTask } from './lane-task.ts';
import { createRings, type LaneMemory } from './layout.ts';
import { BELL, type LaneCommand, type LaneMessage, type LaneReport } from './messages.ts';

/** Pause before the second start in a row that failed; doubled for each one after. Ms. */
const RESTART_MIN_MS = 100;
const RESTART_MAX_MS = 5000;

/** A lane that served this long did not die young. Ms. */
const GROWN_UP_MS = 10_000;

/** How long a lane may take for an answer to the acceptor. Ms. */
const ANSWER_MS = 5000;

/** What a lane's life depends on, and whom it touches. */
export interface KeeperOptions {
  readonly index: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly role: string;
  readonly logLevel: () => LogLevel;
  /** The acceptor's arena. */
  readonly requests: SharedArrayBuffer;
  /** The configuration in force. */
  readonly config: () => LaneConfig;
  /** Runs the task on a thread of its own; settles when that ends. */
  readonly run: (task: LaneTask, signal: AbortSignal) => Promise<void>;
  readonly openLink: (index: number, memory: LaneMemory, ring: () => void) => LaneLink;
  /** The lane serves: requests may be given to it. */
  readonly onServing: (link: LaneLink) => void;
  /** The lane is dead: its requests must be taken care of. */
  readonly onDead: (link: LaneLink, lastReport: LaneReport | null) => void;
  /** The lane rang. */
  readonly onBell: () => void;
  /** LIMIT: how long the loop of a lane may hang with requests waiting. Ms. */
  readonly hangMs: number;
}

/** One start of a lane. */
interface Life {
  readonly link: LaneLink;
  readonly port: MessagePort;
  readonly abort: AbortController;
  readonly startedMs: number;
  isServing: boolean;
  /** The configuration that it has prepared and does not use yet, and its number. */
  prepared: LaneConfig | null;
  preparedId: number;
  /** The last number that it was told to use. */
  committedId: number;
  /** The configuration that it runs on. */
  config: LaneConfig;
  heartbeat: number;
  heardMs: number;
  lastReport: LaneReport | null;
}

type Answer = Extract<LaneMessage, { readonly id: number }>;

export class LaneKeeper {
  /** Times the lane was started. */
  starts = 0;
  readonly #options: KeeperOptions;
  #life: Life | null = null;
  #isStopping = false;
  #failures = 0;
  #restart: TimerHandle | null = null;
  #ended: Promise<void> = Promise.resolve();
  #lastId = 0;
  readonly #answers = new Map<number, (answer: Answer | null) => void>();
  #onFirstServing: (() => void) | null = null;

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  get index(): number {
    return this.#options.index;
  }

  get isServing(): boolean {
    return this.#life?.isServing === true;
  }

  /** Starts the lane. @returns settles when it serves for the first time */
  start(): Promise<void> {
    if (this.#isStopping) return Promise.resolve();
    const serving = new Promise<void>((resolve) => (this.#onFirstServing = resolve));
    this.#begin();
    return serving;
  }

  /**
   * Lets the lane make `config` ready.
   *
   * @returns what is wrong; nothing also when the lane is dead: it starts with what is in force
   */
  async prepare(config: LaneConfig): Promise<readonly Problem[]> {
    const life = this.#life;
    if (life === null || !life.isServing) return [];
    life.prepared = null;
    const id = ++this.#lastId;
    const { preparedId, committedId } = life;
    const abandonedId = preparedId === committedId ? 0 : preparedId;
    const answer = await this.#ask({ type: 'prepare', id, config, abandonedId }, id);
    if (answer?.type !== 'prepared') return [];
    if (answer.problems.length === 0) {
      life.prepared = config;
      life.preparedId = id;
    }
    return answer.problems;
  }

  /** What was prepared is in force now. A lane that could not prepare it starts anew. */
  commit(config: LaneConfig): void {
    const life = this.#life;
    if (life === null || !life.isServing) return; // It is looked at when it begins to serve.
    if (life.prepared !== config) {
      life.abort.abort();
      return;
    }
    life.prepared = null;
    life.config = config;
    life.committedId = life.preparedId;
    life.link.commit(life.committedId);
  }

  /** What the lane has counted; null when it does not answer. */
  async report(): Promise<LaneReport | null> {
    const life = this.#life;
    if (life === null || !life.isServing) return null;
    const id = ++this.#lastId;
    const answer = await this.#ask({ type: 'report', id }, id);
    if (answer?.type !== 'report') return null;
    life.lastReport = answer.report;
    return answer.report;
  }

  /** What the lane that runs now had counted when it was last asked. */
  get lastReport(): LaneReport | null {
    return this.#life?.lastReport ?? null;
  }

  tell(command: Extract<LaneCommand, { type: 'reopenLogs' | 'logLevel' }>): void {
    this.#life?.port.postMessage(command);
  }

  /** Looks whether the lane's loop turns; one that hangs is ended. */
  watch(nowMs: number): void {
    const life = this.#life;
    if (life === null || !life.isServing) return;
    const { heartbeat } = life.link;
    if (heartbeat !== life.heartbeat || !life.link.isBehind) {
      life.heartbeat = heartbeat;
      life.heardMs = nowMs;
      return;
    }
    if (nowMs - life.heardMs < Math.max(this.#options.hangMs, 2 * HEARTBEAT_MS)) return;
    const { log, index, hangMs } = this.#options;
    log.error('a lane hangs and is replaced', { lane: index, hangMs });
    life.abort.abort();
  }

  /** Ends the thread at once, as a crash would. */
  kill(): void {
    this.#life?.abort.abort();
  }

  /** Ends the lane, whose requests have ended. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#onFirstServing?.();
    if (this.#restart !== null) this.#options.clock.clearTimer(this.#restart);
    this.#life?.port.postMessage({ type: 'stop' } satisfies LaneCommand);
    const timer = this.#options.clock.setTimer(() => this.kill(), ANSWER_MS);
    await this.#ended;
    this.#options.clock.clearTimer(timer);
  }

  #begin(): void {
    const { index, role, logLevel, requests, config, run, openLink, clock } = this.#options;
    const responses = new SharedArrayBuffer(arenaBytes(LANE_SLOTS));
    const memory: LaneMemory = { rings: createRings(), requests, responses };
    const { port1: port, port2 } = new MessageChannel();
    const link = openLink(index, memory, () => port.postMessage(BELL));
    const life: Life = {
      link,
      port,
      abort: new AbortController(),
      startedMs: clock.nowMs(),
      isServing: false,
      prepared: null,
      preparedId: 0,
      committedId: 0,
      config: config(),
      heartbeat: 0,
      heardMs: clock.nowMs(),
      lastReport: null,
    };
    this.#life = life;
    this.starts++;
    port.on('message', (message: LaneMessage | typeof BELL) => this.#heard(life, message));
    port.unref();
    const task = { index, memory, config: life.config, role, logLevel: logLevel(), port: port2 };
    this.#ended = run(task, life.abort.signal).then(
      () => this.#over(life, null),
      (error: unknown) => this.#over(life, error),
    );
  }

  #heard(life: Life, message: LaneMessage | typeof BELL): void {
    if (message === BELL) {
      this.#options.onBell();
      return;
    }
    if (message.type !== 'ready') {
      this.#answers.get(message.id)?.(message);
      this.#answers.delete(message.id);
      return;
    }
    if (life.config !== this.#options.config()) {
      life.abort.abort(); // A configuration was applied while it started.
      return;
    }
    life.isServing = true;
    life.heardMs = this.#options.clock.nowMs();
    this.#options.onServing(life.link);
    this.#onFirstServing?.();
    this.#onFirstServing = null;
  }

  /** The thread has ended. */
  #over(life: Life, error: unknown): void {
    const { clock, log, index, onDead } = this.#options;
    this.#life = null;
    life.port.close();
    for (const answer of this.#answers.values()) answer(null);
    this.#answers.clear();
    if (life.isServing) onDead(life.link, life.lastReport);
    if (this.#isStopping) return;
    const livedMs = clock.nowMs() - life.startedMs;
    this.#failures = livedMs >= GROWN_UP_MS ? 1 : this.#failures + 1;
    const delayMs =
      this.#failures === 1
        ? 0
        : Math.min(RESTART_MAX_MS, RESTART_MIN_MS * 2 ** Math.min(this.#failures - 2, 10));
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    log.error('a lane ended and is replaced', { lane: index, delayMs, reason });
    if (delayMs === 0) {
      this.#begin();
      return;
    }
    this.#restart = clock.setTimer(() => {
      this.#restart = null;
      this.#begin();
    }, delayMs);
  }

  /** Null when the lane died, or does not answer in time. */
  #ask(command: LaneCommand, id: number): Promise<Answer | null> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.setTimer(() => {
        this.#answers.delete(id);
        resolve(null);
      }, ANSWER_MS);
      this.#answers.set(id, (answer) => {
        this.#options.clock.clearTimer(timer);
        resolve(answer);
      });
      this.#life!.port.postMessage(command);
    });
  }
}
