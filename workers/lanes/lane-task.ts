// One lane: the task that a thread of the pool runs from its start to its end. It makes a gateway
// of its configuration, serves its ring, and obeys the acceptor. Whatever breaks it ends the
// thread; the acceptor replaces it.

import { performance } from 'node:perf_hooks';
import type { MessagePort } from 'node:worker_threads';
import { systemClock } from '#core/base/clock.ts';
import type { PreparedConfig } from '#core/gateway.ts';
import { SlotArena } from '#core/slot-arena.ts';
import { EVENT_LOOP_WINDOW_MS } from '#core/telemetry/event-loop.ts';
import type { Problem } from '#config/problem.ts';
import { Lane } from '../lane.ts';
import type { LaneConfig } from '../load-input.ts';
import { ProcessLog, type LogLevel } from '../log.ts';
import { Doorbell, Sleep } from './bell.ts';
import { LANE_SLOTS } from './lane-slots.ts';
import { LaneServer } from './lane-server.ts';
import { ACCEPTOR_SLEEP, Control, LANE_SLEEP, ringWords, type LaneMemory } from './layout.ts';
import { BELL, type LaneCommand, type LaneMessage, type LaneReport } from './messages.ts';
import { TurnKeeper } from './turn.ts';

/** What a thread of the pool is started with. */
export interface LaneTask {
  /** Number of the lane, 1 and up. */
  readonly index: number;
  readonly memory: LaneMemory;
  readonly config: LaneConfig;
  readonly role: string;
  readonly logLevel: LogLevel;
  readonly port: MessagePort;
}

type PrepareCommand = Extract<LaneCommand, { type: 'prepare' }>;

/** How often a lane shows that its loop turns. Ms. */
export const HEARTBEAT_MS = 250;

/** Beats of a window: as long as one of the acceptor's. */
const WINDOW_BEATS = EVENT_LOOP_WINDOW_MS / HEARTBEAT_MS;

/** Runs until the acceptor says stop. Rejects when the lane cannot start. */
export async function runLane(task: LaneTask): Promise<void> {
  const { config, role, logLevel, port } = task;
  const log = new ProcessLog({ level: logLevel, role, clock: systemClock });
  const arena = new SlotArena(LANE_SLOTS, task.memory.responses);
  arena.isSharing = true;
  const requests = Buffer.from(task.memory.requests);
  const lane = await Lane.open({ config, log, arena, requests });
  const thread = new LaneThread(task, lane, arena, requests);
  await new Promise<void>((resolve) => {
    port.on('message', (message: LaneCommand | typeof BELL) => {
      if (message === BELL) lane.network.endTurnSoon();
      else if (message.type === 'stop') resolve();
      else if (message.type === 'logLevel') log.setLevel(message.level);
      else void thread.obey(message);
    });
    thread.start();
  });
  thread.stop();
  await lane.close();
  port.close();
}

/** The lane on this thread. */
class LaneThread {
  readonly #task: LaneTask;
  readonly #lane: Lane;
  readonly #arena: SlotArena;
  readonly #words: Int32Array;
  readonly #turns: TurnKeeper;
  /** By number: several may be prepared while records that commit those before are unread. */
  readonly #prepared = new Map<number, PreparedConfig>();
  #windowStart = performance.eventLoopUtilization();
  #beats = 0;
  /** Share of the last complete window in which the loop was busy. */
  #utilization = 0;
  #heart: NodeJS.Timeout | null = null;

  constructor(task: LaneTask, lane: Lane, arena: SlotArena, requests: Buffer) {
    const words = ringWords(task.memory.rings);
    const { network, gateway } = lane;
    this.#task = task;
    this.#lane = lane;
    this.#arena = arena;
    this.#words = words;
    const server = new LaneServer({
      words,
      requests,
      arena,
      driver: gateway.driver,
      onWritten: () => network.endTurnSoon(),
      onCrowded: (isCrowded) => (isCrowded ? network.halt() : network.readOn()),
      onCommit: (id) => this.#commit(id),
    });
    server.answers.bell = new Doorbell(words, ACCEPTOR_SLEEP, () => {
      task.port.postMessage(BELL);
    });
    const sleep = new Sleep(words, LANE_SLEEP);
    this.#turns = new TurnKeeper({
      work: () => {
        const count = server.run();
        server.answers.publish();
        return count;
      },
      isExpecting: () => gateway.driver.openCount > 0 || server.answers.isBlocked,
      trySleep: () => {
        const { answers } = server;
        sleep.begin(answers.isBlocked);
        if (answers.isBlocked ? !answers.hasNewRoom() : !server.hasWork()) return true;
        sleep.end();
        return false;
      },
      wake: () => sleep.end(),
      turnAgain: () => network.endTurnSoon(),
    });
  }

  /** Says that the lane serves, and begins to. */
  start(): void {
    const { network } = this.#lane;
    network.onTurnEnd = () => this.#turns.end();
    this.#heart = setInterval(() => {
      Atomics.add(this.#words, Control.heartbeat, 1);
      this.#arena.epoch++;
      if (++this.#beats % WINDOW_BEATS === 0) this.#rollWindow();
      // Also a turn: should a ring of the bell ever be lost, this finds what it was for.
      network.endTurnSoon();
    }, HEARTBEAT_MS);
    this.#tell({ type: 'ready' });
    network.endTurnSoon();
  }

  #rollWindow(): void {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, this.#windowStart);
    this.#utilization = utilization;
    this.#windowStart = now;
  }

  stop(): void {
    this.#lane.network.onTurnEnd = null;
    if (this.#heart !== null) clearInterval(this.#heart);
  }

  async obey(command: Exclude<LaneCommand, { type: 'stop' | 'logLevel' }>): Promise<void> {
    switch (command.type) {
      case 'prepare': {
        const problems = await this.#prepare(command);
        this.#tell({ type: 'prepared', id: command.id, problems });
        break;
      }
      case 'report':
        this.#tell({ type: 'report', id: command.id, report: this.#report() });
        break;
      case 'reopenLogs':
        await this.#lane.reopenLogs();
        break;
      default:
    }
  }

  async #prepare({ id, config, abandonedId }: PrepareCommand): Promise<readonly Problem[]> {
    this.#prepared.delete(abandonedId);
    const prepared = await this.#lane.prepare(config);
    if (!('router' in prepared)) return prepared;
    this.#prepared.set(id, prepared);
    return [];
  }

  /** Every request behind the record that says so follows what was prepared. */
  #commit(id: number): void {
    const prepared = this.#prepared.get(id);
    if (prepared === undefined) throw new Error('Nothing was prepared that could be used');
    this.#lane.gateway.use(prepared);
    this.#prepared.delete(id);
  }

  #report(): LaneReport {
    const { counters, stats, gateway } = this.#lane;
    return {
      counters: counters.toData(),
      apis: stats.toData(),
      clusters: gateway.clusters(),
      revision: gateway.revision,
      openExchanges: gateway.driver.openCount,
      utilization: this.#utilization,
    };
  }

  #tell(message: LaneMessage): void {
    this.#task.port.postMessage(message);
  }
}
