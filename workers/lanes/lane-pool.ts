// All lanes on other threads, and the acceptor's side of them: memory, dispatcher, placement, the
// threads of one piscina pool, and what keeps them alive. Piscina is the life cycle only: each
// thread runs one task that ends with the lane; requests never go through it.

import { performance, type EventLoopUtilization } from 'node:perf_hooks';
import type { Piscina } from 'piscina';
import type { Clock, TimerHandle } from '#core/base/clock.ts';
import type { ApiStatsTable } from '#core/telemetry/api-stats.ts';
import type { GatewayCounters } from '#core/telemetry/counters.ts';
import { programFile } from '#config/package-files.ts';
import type { Problem } from '#config/problem.ts';
import type { SlotArena } from '#core/slot-arena.ts';
import type { Lane } from '../lane.ts';
import type { LaneConfig } from '../load-input.ts';
import type { LogLevel, ProcessLog } from '../log.ts';
import { LaneDispatcher, type PlacementMode } from './lane-dispatcher.ts';
import { LaneKeeper } from './lane-keeper.ts';
import { LaneLedger } from './lane-ledger.ts';
import { LaneLink } from './lane-link.ts';
import { ACCEPTOR_SPILL_SLOTS, REMOTE_REQUEST_BYTES_MAX } from './lane-slots.ts';
import type { LaneTask } from './lane-task.ts';
import type { LaneReport } from './messages.ts';
import { AdaptivePlacement } from './placement.ts';
import { RemoteExchanges } from './remote-exchange.ts';
import { Spill } from './spill.ts';
import { TurnKeeper } from './turn.ts';

type TransferList = NonNullable<NonNullable<Parameters<Piscina['run']>[1]>['transferList']>;

const TASK_FILE = programFile('workers/lanes/lane-task.ts');

/** Length of the windows in which placement is decided. Ms. */
const WINDOW_MS = 100;

/** Lanes are looked at every so many windows. */
const WATCH_WINDOWS = 5;

/** Windows between two times at which lanes tell what they counted: so much a death can lose. */
const REPORT_WINDOWS = 50;

/** LIMIT: how long a request waits for a lane that is being replaced. Ms. */
const ORPHAN_MS = 3000;

/** Share of turns that found nothing, above which the acceptor has time to help. */
const SPARE_ABOVE = 0.3;

export interface LanePoolOptions {
  readonly count: number;
  readonly placement: PlacementMode;
  /** LIMIT: heap of one lane; beyond it the lane dies and is replaced. MiB. */
  readonly heapMbMax: number;
  readonly hangMs: number;
  readonly config: LaneConfig;
  /** Lane 0, whose arena is shared. */
  readonly lane: Lane;
  readonly arena: SlotArena;
  readonly memory: SharedArrayBuffer;
  readonly clock: Clock;
  readonly log: ProcessLog;
  readonly role: string;
}

/** One lane as the admin API shows it. */
export interface LaneStatus {
  readonly lane: number;
  readonly isServing: boolean;
  readonly starts: number;
  readonly openRequests: number;
  readonly unreadWords: number;
  readonly bells: number;
  readonly report: LaneReport | null;
}

export class LanePool {
  /** Called when nothing is open on lanes any more; set while draining. */
  onIdle: (() => void) | null = null;
  readonly dispatcher: LaneDispatcher;
  readonly #options: LanePoolOptions;
  /** Null until lanes are needed. */
  #piscina: Piscina | null = null;
  #starting: Promise<void> | null = null;
  readonly #keepers: readonly LaneKeeper[];
  readonly #exchanges: RemoteExchanges;
  readonly #spill: Spill;
  readonly #turns: TurnKeeper;
  readonly #placement = new AdaptivePlacement();
  readonly #counters: GatewayCounters;
  readonly #ledger = new LaneLedger();
  #config: LaneConfig;
  #timer: TimerHandle | null = null;
  #windows = 0;
  #utilization: EventLoopUtilization = performance.eventLoopUtilization();
  #windowStartMs = 0;

  constructor(options: LanePoolOptions) {
    const { lane, count, placement, arena, config } = options;
    const { network, gateway } = lane;
    const { exchangesMax } = config.config.runtime;
    this.#options = options;
    this.#config = config;
    this.#counters = lane.counters;
    this.#exchanges = new RemoteExchanges(exchangesMax);
    this.#spill = new Spill(arena, ACCEPTOR_SPILL_SLOTS);
    const endTurnSoon = () => network.endTurnSoon();
    this.dispatcher = new LaneDispatcher(
      {
        driver: gateway.driver,
        exchanges: this.#exchanges,
        mode: placement,
        requestBytesMax: REMOTE_REQUEST_BYTES_MAX,
        hasMemory: () => this.#spill.has(this.#spill.bytesMax),
        endTurnSoon,
        failed: (error) => this.#replyFailed(error),
        onIdle: () => this.onIdle?.(),
      },
      count,
    );
    this.#turns = this.#createTurns(endTurnSoon);
    network.onTurnEnd = () => this.#turns.end();
    this.#keepers = Array.from({ length: count }, (_, i) => this.#createKeeper(i + 1));
    this.#share(placement === 'pool');
  }

  /**
   * Begins to watch the load. Threads start at once for `pool`, and with the first load that wants
   * them for `adaptive`: a sidecar that never has much to do never pays for them.
   *
   * @returns settles when all lanes serve, or when there is nothing to wait for
   */
  async start(): Promise<void> {
    this.#windowStartMs = this.#options.clock.nowMs();
    this.#tickLater();
    if (this.#options.placement === 'pool') await this.#startThreads();
  }

  #startThreads(): Promise<void> {
    this.#starting ??= this.#openThreads();
    return this.#starting;
  }

  async #openThreads(): Promise<void> {
    const { Piscina: Pool } = await import('piscina');
    const { count, heapMbMax } = this.#options;
    this.#piscina = new Pool({
      filename: TASK_FILE,
      name: 'runLane',
      minThreads: count,
      maxThreads: count,
      atomics: 'disabled',
      recordTiming: false,
      resourceLimits: { maxOldGenerationSizeMb: heapMbMax, maxYoungGenerationSizeMb: 64 },
    });
    await Promise.all(this.#keepers.map((keeper) => keeper.start()));
  }

  /** Lets every lane make `config` ready. @returns what is wrong with it, on whichever lane */
  async prepare(config: LaneConfig): Promise<readonly Problem[]> {
    const found = await Promise.all(this.#keepers.map((keeper) => keeper.prepare(config)));
    return found.find((problems) => problems.length > 0) ?? [];
  }

  /** Every request that is read from now on follows `config`, on all lanes. */
  commit(config: LaneConfig): void {
    this.#config = config;
    for (const keeper of this.#keepers) keeper.commit(config);
    this.#options.lane.network.endTurnSoon();
  }

  /**
   * Adds what all lanes have counted since the start, those that have died among them. A lane that
   * does not answer counts with what it told last, so that no total ever falls.
   */
  async addTotals(counters: GatewayCounters, stats: ApiStatsTable): Promise<void> {
    await this.#askAll();
    this.#ledger.addTo(counters, stats);
    for (const { lastReport } of this.#keepers) {
      if (lastReport === null) continue;
      counters.add(lastReport.counters);
      stats.add(lastReport.apis);
    }
  }

  #askAll(): Promise<(LaneReport | null)[]> {
    return Promise.all(this.#keepers.map((keeper) => keeper.report()));
  }

  async status(): Promise<LaneStatus[]> {
    const reports = await this.#askAll();
    return this.#keepers.map((keeper, i) => {
      const link = this.dispatcher.links[i] ?? null;
      return {
        lane: keeper.index,
        isServing: keeper.isServing,
        starts: keeper.starts,
        openRequests: link?.openCount ?? 0,
        unreadWords: link?.depth ?? 0,
        bells: link?.bell.count ?? 0,
        report: reports[i] ?? null,
      };
    });
  }

  reopenLogs(): void {
    for (const keeper of this.#keepers) keeper.tell({ type: 'reopenLogs' });
  }

  setLogLevel(level: LogLevel): void {
    for (const keeper of this.#keepers) keeper.tell({ type: 'logLevel', level });
  }

  /** Ends the thread of a lane as a crash would; for tests. */
  kill(index: number): void {
    this.#keepers[index - 1]!.kill();
  }

  /** Ends all threads; requests have ended, or are lost. */
  async stop(): Promise<void> {
    if (this.#timer !== null) this.#options.clock.clearTimer(this.#timer);
    await Promise.all(this.#keepers.map((keeper) => keeper.stop()));
    await this.#starting;
    this.#options.lane.network.onTurnEnd = null;
    await this.#piscina?.destroy();
  }

  #createTurns(turnAgain: () => void): TurnKeeper {
    const { links } = this.dispatcher;
    return new TurnKeeper({
      work: () => this.dispatcher.exchangeRecords(),
      isExpecting: () => this.dispatcher.isExpecting,
      trySleep: () => {
        // Any lane with room again may be the one that a held connection waits for.
        const isHolding = this.dispatcher.isHolding;
        for (const link of links) link?.sleep.begin(isHolding || link.wantsRoom);
        const hasNews = links.some((link) => {
          return (
            link?.hasReplies() === true || ((isHolding || link?.wantsRoom) && link?.hasNewRoom())
          );
        });
        if (!hasNews) return true;
        for (const link of links) link?.sleep.end();
        return false;
      },
      wake: () => {
        for (const link of links) link?.sleep.end();
      },
      turnAgain,
    });
  }

  #createKeeper(index: number): LaneKeeper {
    const { clock, log, role, memory, hangMs, lane, arena } = this.#options;
    const environment = {
      arena,
      spill: this.#spill,
      exchanges: this.#exchanges,
      headersMax: this.#config.config.listeners.headersMax,
      failed: (error: unknown) => this.#replyFailed(error),
    };
    return new LaneKeeper({
      index,
      clock,
      log,
      role,
      logLevel: () => log.level,
      requests: memory,
      config: () => this.#config,
      run: (task, signal) => this.#run(task, signal),
      openLink: (number, laneMemory, ring) => {
        return new LaneLink(number, laneMemory, environment, ring);
      },
      onServing: (link) => this.dispatcher.serves(link),
      onDead: (link, lastReport) => this.#dead(link, lastReport),
      onBell: () => lane.network.endTurnSoon(),
      hangMs,
    });
  }

  async #run(task: LaneTask, signal: AbortSignal): Promise<void> {
    // Its types take the list for the options of another overload of postMessage.
    const transferList = [task.port] as unknown as TransferList;
    await this.#piscina!.run(task, { transferList, signal });
  }

  #dead(link: LaneLink, lastReport: LaneReport | null): void {
    if (lastReport !== null) this.#ledger.close(lastReport);
    this.#counters.lanesLost++;
    this.#counters.laneRequestsLost += this.dispatcher.lost(link);
  }

  #replyFailed(error: unknown): void {
    this.#counters.internalErrors++;
    this.#options.log.warnLimited('reply-failed', 'an answer of a lane could not be written', {
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
  }

  #tickLater(): void {
    this.#timer = this.#options.clock.setTimer(() => {
      this.#tick();
      this.#tickLater();
    }, WINDOW_MS);
  }

  /** A window is over: where requests go, and whether all lanes live. */
  #tick(): void {
    const { clock, arena, placement } = this.#options;
    const nowMs = clock.nowMs();
    const used = performance.eventLoopUtilization();
    const { active } = performance.eventLoopUtilization(used, this.#utilization);
    if (placement === 'adaptive') {
      const { requests } = this.dispatcher;
      if (this.#placement.observe(nowMs - this.#windowStartMs, active, requests)) {
        this.#share(this.#placement.isSpreading);
        if (this.#placement.isSpreading) void this.#startThreads();
      }
    }
    this.dispatcher.requests = 0;
    this.dispatcher.hasSpareTime = this.#turns.emptyTurns > this.#turns.turns * SPARE_ABOVE;
    this.#turns.turns = this.#turns.emptyTurns = 0;
    this.#utilization = used;
    this.#windowStartMs = nowMs;
    arena.epoch++;
    // A turn now and then: should a ring of the bell ever be lost, it finds what it was for.
    if (this.dispatcher.isExpecting) this.#options.lane.network.endTurnSoon();
    if (++this.#windows % WATCH_WINDOWS !== 0) return;
    this.dispatcher.giveUpOrphans(nowMs - ORPHAN_MS);
    for (const keeper of this.#keepers) keeper.watch(nowMs);
    if (this.#windows % REPORT_WINDOWS === 0) void this.#askAll();
  }

  /** Requests go to lanes, or not; connections read into slots when they do. */
  #share(isSpreading: boolean): void {
    this.dispatcher.isSpreading = isSpreading;
    this.#options.arena.isSharing = isSpreading;
  }
}
