// HOT PATH for the look-up; building is cold. Which sessions were taken back before their time: by
// sid, by user epoch, by channel and time of issue. Invariant: a table is never changed after it
// was built, so all threads read one SharedArrayBuffer without locks; a new configuration builds a
// new one. Entries that outlived their session are dropped on building.

import { isU32, readU32 } from './bytes.ts';
import type { SessionProblem } from './keys.ts';
import { SID_BYTES, SessionChannel } from './types.ts';
import type { SessionView } from './types.ts';
import { parseUid } from './uid.ts';
import type { Uid } from './uid.ts';

/** LIMIT: a million sids and a million users take 48 MB, shared by all threads. */
export const REVOCATIONS_MAX = 1_000_000;

/** Revocations as configuration holds them; see docs/session.md. Times are Unix seconds. */
export interface RevocationList {
  /** 32 hex digits each; `expiresAt`: when the session has expired anyway. */
  readonly sids?: readonly (string | { readonly sid: string; readonly expiresAt?: number })[];
  /** Sessions of `uid` with an epoch below `epoch` are refused. `uid` is decimal. */
  readonly users?: readonly {
    readonly uid: string | number;
    readonly epoch: number;
    readonly expiresAt?: number;
  }[];
  /** Sessions of a channel issued before `at` are refused. */
  readonly issuedBefore?: readonly {
    readonly channel: 'wireless' | 'pc';
    readonly at: number;
  }[];
}

export type RevocationResult =
  | { readonly ok: true; readonly table: RevocationTable }
  | { readonly ok: false; readonly problems: readonly SessionProblem[] };

// One block of unsigned 32-bit words:
//
//   0            1            2          3            4          5
//   +------------+------------+----------+------------+----------+-----------------+
//   | issued     | issued     | sid      | sids       | user     | users           |
//   | before, wl | before, pc | places   | a, b, c, d | places   | high, low, epoch|
//   +------------+------------+----------+------------+----------+-----------------+
//    word 0       word 1       how many places; then the places and entries of both
//
// A place holds 0 or the number of an entry plus one; places are a power of two and at most half
// full, so that a search ends at a free one soon.
const WIRELESS_WORD = 0;
const PC_WORD = 1;
const SID_PLACES_WORD = 2;
const USER_PLACES_WORD = 3;
const HEAD_WORDS = 4;
const SID_WORDS = 4;
const USER_WORDS = 3;

/** An immutable set of revocations. */
export class RevocationTable {
  /** What another thread makes its own table of. */
  readonly shared: SharedArrayBuffer;
  readonly #words: Uint32Array;
  readonly #sidMask: number;
  readonly #sidPlaces: number;
  readonly #sidEntries: number;
  readonly #userMask: number;
  readonly #userPlaces: number;
  readonly #userEntries: number;

  /** @param shared a block that {@link buildRevocations} made */
  constructor(shared: SharedArrayBuffer) {
    this.shared = shared;
    const words = new Uint32Array(shared);
    this.#words = words;
    const sidPlaces = words[SID_PLACES_WORD]!;
    const userPlaces = words[USER_PLACES_WORD]!;
    this.#sidMask = sidPlaces - 1;
    this.#userMask = userPlaces - 1;
    this.#sidPlaces = HEAD_WORDS;
    this.#userPlaces = this.#sidPlaces + sidPlaces;
    this.#sidEntries = this.#userPlaces + userPlaces;
    this.#userEntries = this.#sidEntries + (sidPlaces / 2) * SID_WORDS;
  }

  /** True when the session in `view` was taken back. */
  isRevoked(view: SessionView): boolean {
    const words = this.#words;
    const before = words[view.channel === SessionChannel.wireless ? WIRELESS_WORD : PC_WORD]!;
    if (view.issuedAt < before) return true;
    if (this.#userMask >= 0 && this.#isUserRevoked(view)) return true;
    return this.#sidMask >= 0 && this.#isSidRevoked(view);
  }

  #isUserRevoked(view: SessionView): boolean {
    const words = this.#words;
    const { uidHigh, uidLow } = view;
    let place = mix(uidHigh, uidLow) & this.#userMask;
    for (;;) {
      const number = words[this.#userPlaces + place]!;
      if (number === 0) return false;
      const at = this.#userEntries + (number - 1) * USER_WORDS;
      if (words[at] === uidHigh && words[at + 1] === uidLow) return view.epoch < words[at + 2]!;
      place = (place + 1) & this.#userMask;
    }
  }

  #isSidRevoked(view: SessionView): boolean {
    const words = this.#words;
    const source = view.source;
    const a = readU32(source, view.sidOffset);
    const b = readU32(source, view.sidOffset + 4);
    const c = readU32(source, view.sidOffset + 8);
    const d = readU32(source, view.sidOffset + 12);
    let place = mix(a ^ c, b ^ d) & this.#sidMask;
    for (;;) {
      const number = words[this.#sidPlaces + place]!;
      if (number === 0) return false;
      const at = this.#sidEntries + (number - 1) * SID_WORDS;
      if (words[at] === a && words[at + 1] === b && words[at + 2] === c && words[at + 3] === d) {
        return true;
      }
      place = (place + 1) & this.#sidMask;
    }
  }
}

/** Spreads two words over 32 bits (the finalizer of MurmurHash3). */
function mix(a: number, b: number): number {
  let word = Math.imul(a, 0x9e3779b1) ^ b;
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return word ^ (word >>> 16);
}

/**
 * Builds a table and names every problem in the list.
 *
 * @param nowSeconds entries with an earlier `expiresAt` are dropped
 */
export function buildRevocations(list: RevocationList, nowSeconds: number): RevocationResult {
  const problems: SessionProblem[] = [];
  const sids = readSids(list.sids ?? [], nowSeconds, problems);
  const users = readUsers(list.users ?? [], nowSeconds, problems);
  const before = readIssuedBefore(list.issuedBefore ?? [], problems);
  if (problems.length > 0) return { ok: false, problems };
  const sidPlaces = placesFor(sids.size);
  const userPlaces = placesFor(users.size);
  const wordCount =
    HEAD_WORDS +
    sidPlaces +
    userPlaces +
    (sidPlaces / 2) * SID_WORDS +
    (userPlaces / 2) * USER_WORDS;
  const shared = new SharedArrayBuffer(wordCount * 4);
  const words = new Uint32Array(shared);
  words[WIRELESS_WORD] = before.wireless;
  words[PC_WORD] = before.pc;
  words[SID_PLACES_WORD] = sidPlaces;
  words[USER_PLACES_WORD] = userPlaces;
  const userPlacesAt = HEAD_WORDS + sidPlaces;
  const sidsAt = userPlacesAt + userPlaces;
  let number = 0;
  for (const bytes of sids.values()) {
    const at = sidsAt + number * SID_WORDS;
    for (let i = 0; i < SID_WORDS; i++) words[at + i] = readU32(bytes, i * 4);
    const hash = mix(words[at]! ^ words[at + 2]!, words[at + 1]! ^ words[at + 3]!);
    occupy(words, HEAD_WORDS, sidPlaces - 1, hash, ++number);
  }
  const usersAt = sidsAt + (sidPlaces / 2) * SID_WORDS;
  number = 0;
  for (const { uid, epoch } of users.values()) {
    words.set([uid.high, uid.low, epoch], usersAt + number * USER_WORDS);
    occupy(words, userPlacesAt, userPlaces - 1, mix(uid.high, uid.low), ++number);
  }
  return { ok: true, table: new RevocationTable(shared) };
}

/** A table of no revocations. */
export function emptyRevocations(): RevocationTable {
  return new RevocationTable(new SharedArrayBuffer(HEAD_WORDS * 4));
}

function placesFor(entries: number): number {
  return entries === 0 ? 0 : 2 ** Math.ceil(Math.log2(entries * 2));
}

function occupy(
  words: Uint32Array,
  from: number,
  mask: number,
  hash: number,
  number: number,
): void {
  let place = hash & mask;
  while (words[from + place] !== 0) place = (place + 1) & mask;
  words[from + place] = number;
}

function isLive(expiresAt: number | undefined, nowSeconds: number): boolean {
  return expiresAt === undefined || expiresAt >= nowSeconds;
}

function isCountAllowed(count: number, path: string, problems: SessionProblem[]): boolean {
  if (count <= REVOCATIONS_MAX) return true;
  problems.push({ path, message: `Has ${count} entries; at most ${REVOCATIONS_MAX} are allowed` });
  return false;
}

function readSids(
  list: NonNullable<RevocationList['sids']>,
  nowSeconds: number,
  problems: SessionProblem[],
): Map<string, Buffer> {
  const sids = new Map<string, Buffer>();
  if (!isCountAllowed(list.length, 'sids', problems)) return sids;
  for (const [index, entry] of list.entries()) {
    const sid = typeof entry === 'string' ? entry : entry.sid;
    const expiresAt = typeof entry === 'string' ? undefined : entry.expiresAt;
    if (!/^[0-9a-fA-F]{32}$/.test(sid)) {
      const message = `Is ${JSON.stringify(sid)}; must be ${SID_BYTES * 2} hex digits`;
      problems.push({ path: `sids[${index}]`, message });
    } else if (isLive(expiresAt, nowSeconds)) {
      sids.set(sid.toLowerCase(), Buffer.from(sid, 'hex'));
    }
  }
  return sids;
}

function readUsers(
  list: NonNullable<RevocationList['users']>,
  nowSeconds: number,
  problems: SessionProblem[],
): Map<string, { uid: Uid; epoch: number }> {
  const users = new Map<string, { uid: Uid; epoch: number }>();
  if (!isCountAllowed(list.length, 'users', problems)) return users;
  for (const [index, entry] of list.entries()) {
    const text = String(entry.uid);
    const uid = parseUid(text);
    if (uid === null || (typeof entry.uid === 'number' && !Number.isSafeInteger(entry.uid))) {
      const message = `Is ${text}; must be a decimal number below 2^64, as text above 2^53`;
      problems.push({ path: `users[${index}].uid`, message });
    } else if (!isU32(entry.epoch)) {
      const message = `Is ${String(entry.epoch)}; must be an integer from 0 to 4294967295`;
      problems.push({ path: `users[${index}].epoch`, message });
    } else if (isLive(entry.expiresAt, nowSeconds)) {
      const epoch = Math.max(entry.epoch, users.get(text)?.epoch ?? 0);
      users.set(text, { uid, epoch });
    }
  }
  return users;
}

function readIssuedBefore(
  list: NonNullable<RevocationList['issuedBefore']>,
  problems: SessionProblem[],
): { wireless: number; pc: number } {
  const before = { wireless: 0, pc: 0 };
  for (const [index, { channel, at }] of list.entries()) {
    if (channel !== 'wireless' && channel !== 'pc') {
      const message = `Is ${JSON.stringify(channel)}; must be "wireless" or "pc"`;
      problems.push({ path: `issuedBefore[${index}].channel`, message });
    } else if (!isU32(at)) {
      const message = `Is ${String(at)}; must be Unix seconds below 2^32`;
      problems.push({ path: `issuedBefore[${index}].at`, message });
    } else {
      before[channel] = Math.max(before[channel], at);
    }
  }
  return before;
}
