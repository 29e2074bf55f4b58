// The chains that the suite `filters` times: the whole default chain, a chain without any filter,
// and each filter alone. The configuration is the one that the suite `mmtp` runs gateways with.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { SystemRandom, systemClock } from '#core/base/clock.ts';
import { ResultCode } from '#core/base/result-codes.ts';
import { TimerWheel } from '#core/base/timer-wheel.ts';
import { TypeScriptKernels, type Kernels } from '#core/codec/kernels.ts';
import { SessionVerifier } from '#core/codec/session/compact.ts';
import { KeyRing, parseKeyFile } from '#core/codec/session/keys.ts';
import { LegacyVerifier } from '#core/codec/session/legacy.ts';
import { emptyRevocations } from '#core/codec/session/revocation.ts';
import { SessionIssuer } from '#core/codec/session/encode.ts';
import { compileRouter } from '#core/compile-router.ts';
import { ExchangeDriver } from '#core/exchange/exchange-driver.ts';
import { RetryBudget } from '#core/exchange/retry-budget.ts';
import { bucketAt, LimitBook } from '#core/limit-places.ts';
import type { Exchange } from '#core/pipeline/exchange.ts';
import { PHASES, type FilterFactory } from '#core/pipeline/filter.ts';
import { ResendTable } from '#core/pipeline/filters/resend/resend-table.ts';
import { listFilters } from '#core/pipeline/registry.ts';
import type { Router } from '#core/routing/router.ts';
import { ApiStatsTable } from '#core/telemetry/api-stats.ts';
import { GatewayCounters } from '#core/telemetry/counters.ts';
import { silentLog, type Log, type LogFields } from '#core/telemetry/log.ts';
import { checkConfig } from '#config/load.ts';
import type { ConfigSnapshot } from '#config/snapshot.ts';
import { ExchangeTelemetry } from '#workers/exchange-telemetry.ts';
import { BatchTarget, FilterStage, type ReplyCheck } from '../load/filter-stage.ts';
import { RequestFrames } from '../load/request-frames.ts';
import { createSessions, FIRST_UID } from '../load/session-pool.ts';
import { REQUEST_BYTES } from '../peers/peer-flags.ts';
import { gatewayConfig, OPERATION } from '../rig/gateway-config.ts';

/** Chains that are no single filter. */
export const FULL_CHAIN = 'chain-full';
export const EMPTY_CHAIN = 'chain-empty';
const FILTER_PREFIX = 'filter-';

/** Ticks of the gateway's own deadlines. Ms. */
const DEADLINE_TICK_MS = 5;

const EXCHANGES_MAX = 4096;

/** Filters that are compiled for some APIs only: what an API must say to have one. */
const NEEDED: Readonly<Record<string, object>> = { channel: { protocols: ['mmtp'] } };

/** A chain with all that it runs on, ready to be timed. */
export interface FilterRun {
  readonly stage: FilterStage;
  /** Names of the filters in the chain, in the order of their first phase. */
  readonly filters: readonly string[];
  /** @throws AssertionError when counters do not agree with the requests that ran */
  check(): void;
  close(): void;
}

/** What a run is made of. */
export interface FilterRunOptions {
  /** `chain-full`, `chain-empty` or `filter-NAME`. */
  readonly chain: string;
  readonly kernels: Kernels;
  readonly keysFile: string;
  /** Distinct sessions. */
  readonly sessions: number;
}

/** Names of the chains: both whole ones and one for each filter that some request meets. */
export async function listChains(): Promise<readonly string[]> {
  const keys = new KeyRing([], new TypeScriptKernels());
  const parts = new Parts(new TypeScriptKernels(), keys);
  const names: string[] = [];
  for (const { name } of parts.factories) {
    const router = await parts.compile(`${FILTER_PREFIX}${name}`, new BatchTarget());
    if (filtersIn(router).includes(name)) names.push(`${FILTER_PREFIX}${name}`);
  }
  parts.deadlines.close();
  return [FULL_CHAIN, EMPTY_CHAIN, ...names];
}

/** Compiles a chain and makes its requests. */
export async function createFilterRun(options: FilterRunOptions): Promise<FilterRun> {
  const { chain, kernels, keysFile, sessions } = options;
  const parsed = parseKeyFile(readFileSync(keysFile, 'utf8'));
  assert.ok(parsed.ok, `${keysFile} is a key file`);
  const parts = new Parts(kernels, new KeyRing(parsed.keys, kernels));
  const target = new BatchTarget();
  const router = await parts.compile(chain, target);
  const { driver, counters, stats } = parts;
  driver.use(router);
  const frames = new RequestFrames({
    operationType: OPERATION,
    sessions: createSessions(keysFile, sessions),
    format: 'protobuf',
    bodyBytes: REQUEST_BYTES,
  });
  const stage = new FilterStage(driver, target, frames, sessions, checkOf(filtersIn(router)));
  return {
    stage,
    filters: filtersIn(router),
    check() {
      const { requests, replies, wrong } = stage;
      assert.deepEqual({ wrong, replies }, { wrong: 0, replies: requests });
      assert.equal(counters.exchangesStarted, requests);
      assert.equal(counters.exchangesCompleted, requests);
      assert.equal(stats.acquire(OPERATION).resultCount(ResultCode.success), requests);
      const isLimited = filtersIn(router).includes('limit');
      assert.equal(parts.isLimitTaken(), isLimited && requests > 0);
    },
    close: () => parts.deadlines.close(),
  };
}

/** What the data plane of one thread is made of, as core/gateway.ts has it. */
class Parts {
  readonly counters = new GatewayCounters();
  readonly stats = new ApiStatsTable();
  readonly deadlines = new TimerWheel(systemClock, DEADLINE_TICK_MS);
  readonly driver: ExchangeDriver;
  readonly factories: readonly FilterFactory[];
  readonly #book = new LimitBook(() => systemClock.nowMs());
  /** Of the only bucket: the time at which it is full, which every token that is taken moves. */
  #limitWords: Int32Array = new Int32Array(1);
  #filledAt = 0;

  constructor(kernels: Kernels, keys: KeyRing) {
    const clock = systemClock;
    const { counters, stats, deadlines } = this;
    const log: Log = { ...silentLog, warnLimited: refuseFailure };
    this.driver = new ExchangeDriver({
      clock,
      deadlines,
      observer: new ExchangeTelemetry({ clock, counters, stats, log, accessLog: null }),
      retryBudget: new RetryBudget(),
      checkSession: () => false,
      lookahead: null,
      inflateBody: () => false,
      exchangesMax: EXCHANGES_MAX,
    });
    const verifier = { kernels, keys, revocations: emptyRevocations() };
    this.factories = listFilters({
      clock,
      random: new SystemRandom(),
      deadlines,
      batchMs: () => this.driver.nowMs,
      nowSeconds: () => this.driver.wallSeconds,
      // No cache: every session is verified.
      sessions: {
        compact: new SessionVerifier(verifier),
        legacy: new LegacyVerifier(verifier),
        issuer: new SessionIssuer(keys, kernels),
      },
      resends: new ResendTable(),
      custom: [],
    });
  }

  /** The routing table of a chain. */
  async compile(chain: string, target: BatchTarget): Promise<Router> {
    const name = chain.startsWith(FILTER_PREFIX) ? chain.slice(FILTER_PREFIX.length) : '';
    const { config, apis } = await snapshotFor(NEEDED[name] ?? {});
    const { stats } = this;
    const limits = this.#book.assign(apis);
    this.#book.use();
    this.#limitWords = new Int32Array(limits.memory, 0, 1);
    this.#filledAt = this.#limitWords[0]!;
    return compileRouter({
      config,
      apis,
      factories: this.factories.filter((entry) => chain === FULL_CHAIN || entry.name === name),
      bucketOf: (operationType, limit) => bucketAt(limits, operationType, limit),
      compileTarget: () => target,
      recorderOf: (operationType) => stats.acquire(operationType),
      unknownRecorder: stats.unknown,
    });
  }

  /** Some request took a token. */
  isLimitTaken(): boolean {
    return this.#limitWords[0] !== this.#filledAt;
  }
}

async function snapshotFor(api: object): Promise<ConfigSnapshot> {
  const value = JSON.parse(gatewayConfig({ upstream: 'bolt', session: 'cold' }, 1)) as {
    readonly apis: readonly object[];
  };
  const apis = value.apis.map((entry) => ({ ...entry, ...api }));
  const checked = await checkConfig({ ...value, apis });
  assert.ok(checked.ok, JSON.stringify(checked));
  return checked.snapshot;
}

function filtersIn(router: Router): readonly string[] {
  const api = router.apis.find(({ operationType }) => operationType === OPERATION);
  return [...new Set(PHASES.flatMap((phase) => api?.chain[phase].names ?? []))];
}

/** What the filters of a chain must have left in an exchange when it is replied to. */
function checkOf(filters: readonly string[]): ReplyCheck {
  const hasSession = filters.includes('session');
  const hasTrace = filters.includes('trace');
  return (exchange: Exchange, index: number) =>
    exchange.response.resultCode === ResultCode.success &&
    exchange.request.hasTrace === hasTrace &&
    exchange.hasSession === hasSession &&
    (!hasSession || exchange.session.uidLow === FIRST_UID + index) &&
    exchange.deadlineMs > exchange.startedMs;
}

/** A filter that throws would be measured as one that answers. */
function refuseFailure(key: string, message: string, fields: LogFields = {}): never {
  throw new Error(`${key}: ${message} ${JSON.stringify(fields)}`);
}
