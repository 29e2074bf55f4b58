// Which token bucket of which API lies where in shared memory. The acceptor assigns places once for
// each configuration; every lane makes its buckets of the same places, so that a limit is one limit
// whatever lane a request runs on. Cold path.

import { BUCKET_WORDS, TokenBucket } from '#core/base/token-bucket.ts';
import type { ResolvedApi, ResolvedLimit } from '#config/resolve-api.ts';
import type { Frozen } from '#config/schema.ts';

/** LIMIT: as many APIs as a configuration may have, twice: places stay taken for one more one. */
const PLACES_MAX = 2 * 100_000;

const WORD_BYTES = 4;

/** Where the buckets of one configuration are; plain data that other threads can be sent. */
export interface LimitPlaces {
  readonly memory: SharedArrayBuffer;
  /** Number of the place by key. */
  readonly places: ReadonlyMap<string, number>;
}

/** The bucket that `limit` of `operationType` takes from. */
export function bucketAt(
  { memory, places }: LimitPlaces,
  operationType: string,
  limit: Frozen<ResolvedLimit>,
): TokenBucket {
  const place = places.get(keyOf(operationType, limit));
  if (place === undefined) throw new Error(`No place for the limit of "${operationType}"`);
  return bucketIn(memory, place, limit);
}

interface Assignment {
  readonly places: ReadonlyMap<string, number>;
  /** By operation type. */
  readonly buckets: ReadonlyMap<string, TokenBucket>;
  /** Places that were not in use before, by operation type. */
  readonly fresh: ReadonlyMap<string, number>;
}

const NOTHING: Assignment = { places: new Map(), buckets: new Map(), fresh: new Map() };

/** Assigns places; one a process. */
export class LimitBook {
  readonly #memory = new SharedArrayBuffer(PLACES_MAX * BUCKET_WORDS * WORD_BYTES);
  readonly #nowMs: () => number;
  #current: Assignment = NOTHING;
  /** Assigned, and not yet in use: a configuration may still be refused. */
  #next: Assignment | null = null;
  readonly #free: number[] = [];
  /** Given up by the last configuration: requests that began before may still take from them. */
  #resting: number[] = [];
  #used = 0;

  /** @param nowMs the clock that buckets are used with */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** How often {@link LimitBook.freshen} is due; Infinity without limits. Ms. */
  get freshenMs(): number {
    let ms = Infinity;
    for (const bucket of this.#current.buckets.values()) ms = Math.min(ms, bucket.freshenMs);
    return ms;
  }

  /**
   * Places for `apis`. A limit that stays as it is keeps its bucket and what is in it; nothing
   * changes until {@link LimitBook.use}.
   */
  assign(apis: readonly Frozen<ResolvedApi>[]): LimitPlaces {
    if (this.#next !== null) this.#free.push(...this.#next.fresh.values());
    const places = new Map<string, number>();
    const buckets = new Map<string, TokenBucket>();
    const fresh = new Map<string, number>();
    for (const { operationType, limit } of apis) {
      if (limit === undefined) continue;
      const key = keyOf(operationType, limit);
      const known = this.#current.places.get(key);
      const place = known ?? this.#free.pop() ?? this.#used++;
      if (known === undefined) fresh.set(operationType, place);
      places.set(key, place);
      buckets.set(operationType, bucketIn(this.#memory, place, limit));
    }
    this.#next = { places, buckets, fresh };
    return { memory: this.#memory, places };
  }

  /**
   * What was assigned last is in use from now on. Call it before any lane uses it: new buckets are
   * filled, those of limits that changed with what was left of the old ones.
   */
  use(): void {
    if (this.#next === null) return;
    const { places, buckets, fresh } = this.#next;
    const nowMs = this.#nowMs();
    for (const operationType of fresh.keys()) {
      const used = this.#current.buckets.get(operationType)?.usedTokens(nowMs);
      buckets.get(operationType)!.fill(nowMs, used);
    }
    this.#free.push(...this.#resting);
    this.#resting = [...this.#current.places].flatMap(([key, place]) => {
      return places.has(key) ? [] : [place];
    });
    this.#current = this.#next;
    this.#next = null;
  }

  /** Keeps buckets that nobody uses from looking like used ones. */
  freshen(): void {
    const nowMs = this.#nowMs();
    for (const bucket of this.#current.buckets.values()) bucket.freshen(nowMs);
  }
}

function bucketIn(
  memory: SharedArrayBuffer,
  place: number,
  { qps, burst }: Frozen<ResolvedLimit>,
): TokenBucket {
  return new TokenBucket(new Int32Array(memory), place * BUCKET_WORDS, qps, burst);
}

/** A limit of another size is another bucket: its ticks are of another length. */
function keyOf(operationType: string, { qps, burst }: Frozen<ResolvedLimit>): string {
  return `${operationType} ${qps} ${burst}`;
}
