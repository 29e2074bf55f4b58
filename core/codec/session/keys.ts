// Master keys and the session keys derived from them. Invariant: a ring never changes; a new key
// file makes a new ring. Only derived keys are kept, each bound to one channel, so that a session
// of one channel can never pass on the other. Reading and writing files is left to the callers.

import type { Kernels, MacKey } from '../kernels.ts';
import { SessionChannel } from './types.ts';

const MASTER_BYTES = 32;
const KID_MAX = 65535;
/** LIMIT: more keys than any rotation needs; a ring of them takes 20 ms, 10 with the addon. */
const KEYS_MAX = 1024;

const COMPACT_SALT = Buffer.from('mgw-session-v1', 'latin1');
const LEGACY_SALT = Buffer.from('mgw-session-legacy', 'latin1');
const NO_INFO = Buffer.alloc(0);

/** Life of a key: every state but `dead` verifies, only `signing` issues. */
const KEY_STATES = ['announced', 'signing', 'verify-only', 'dead'] as const;
export type KeyState = (typeof KEY_STATES)[number];

/** One key of a key file. */
export interface SessionKey {
  /** Key number, 0..65535. */
  readonly kid: number;
  readonly state: KeyState;
  /** 32 secret bytes. */
  readonly master: Buffer;
  /** Legacy sessions are checked under this key. */
  readonly legacy: boolean;
}

/** What is wrong with a value from outside, and where. */
export interface SessionProblem {
  /** As `keys[0].master`; empty for the whole. */
  readonly path: string;
  readonly message: string;
}

export type KeyFileResult =
  | { readonly ok: true; readonly keys: readonly SessionKey[] }
  | { readonly ok: false; readonly problems: readonly SessionProblem[] };

/** Parses a key file and names every problem in it. Secrets are never part of a message. */
export function parseKeyFile(text: string): KeyFileResult {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, problems: [{ path: '', message: 'The key file is not JSON' }] };
  }
  return readKeys(value);
}

/** {@link parseKeyFile} of a value that is parsed already, as configuration may embed it. */
export function readKeys(value: unknown): KeyFileResult {
  const problems: SessionProblem[] = [];
  const keys: SessionKey[] = [];
  if (!isRecord(value) || !Array.isArray(value['keys'])) {
    problems.push({ path: 'keys', message: 'Must be an array; a key file is {"keys":[...]}' });
    return { ok: false, problems };
  }
  for (const name of Object.keys(value)) {
    if (name !== 'keys') problems.push({ path: name, message: 'Unknown; the only one is "keys"' });
  }
  const list: unknown[] = value['keys'];
  if (list.length === 0)
    problems.push({ path: 'keys', message: 'Is empty; name at least one key' });
  if (list.length > KEYS_MAX) {
    const message = `Has ${list.length} keys; at most ${KEYS_MAX} are allowed`;
    return { ok: false, problems: [...problems, { path: 'keys', message }] };
  }
  for (const [index, entry] of list.entries()) {
    const key = readKey(entry, `keys[${index}]`, problems);
    if (key !== null) keys.push(key);
  }
  checkTogether(keys, problems);
  return problems.length === 0 ? { ok: true, keys } : { ok: false, problems };
}

function readKey(entry: unknown, path: string, problems: SessionProblem[]): SessionKey | null {
  if (!isRecord(entry)) {
    problems.push({ path, message: 'Must be an object with kid, state and master' });
    return null;
  }
  const before = problems.length;
  const { kid, state, master, legacy = false } = entry;
  for (const name of Object.keys(entry)) {
    if (!KEY_FIELDS.includes(name)) {
      const message = `Unknown; a key has ${KEY_FIELDS.join(', ')}`;
      problems.push({ path: `${path}.${name}`, message });
    }
  }
  if (!Number.isInteger(kid) || (kid as number) < 0 || (kid as number) > KID_MAX) {
    const message = `Is ${show(kid)}; must be an integer from 0 to ${KID_MAX}`;
    problems.push({ path: `${path}.kid`, message });
  }
  if (!KEY_STATES.includes(state as KeyState)) {
    const message = `Is ${show(state)}; must be one of ${KEY_STATES.join(', ')}`;
    problems.push({ path: `${path}.state`, message });
  }
  if (typeof legacy !== 'boolean') {
    problems.push({ path: `${path}.legacy`, message: `Is ${show(legacy)}; must be true or false` });
  }
  const bytes = typeof master === 'string' ? Buffer.from(master, 'base64') : Buffer.alloc(0);
  if (bytes.length !== MASTER_BYTES || bytes.toString('base64') !== master) {
    const message = `Must be ${MASTER_BYTES} bytes in base64 (44 characters with padding)`;
    problems.push({ path: `${path}.master`, message });
  }
  if (problems.length > before) return null;
  return {
    kid: kid as number,
    state: state as KeyState,
    master: bytes,
    legacy: legacy as boolean,
  };
}

const KEY_FIELDS: readonly string[] = ['kid', 'state', 'master', 'legacy'];

function checkTogether(keys: readonly SessionKey[], problems: SessionProblem[]): void {
  const seen = new Set<number>();
  let legacyKid = -1;
  for (const key of keys) {
    if (seen.has(key.kid)) {
      problems.push({ path: 'keys', message: `Key number ${key.kid} is used twice` });
    }
    seen.add(key.kid);
    if (!key.legacy || key.state === 'dead') continue;
    if (legacyKid >= 0) {
      const message = `Keys ${legacyKid} and ${key.kid} are both marked legacy; mark only one`;
      problems.push({ path: 'keys', message });
    }
    legacyKid = key.kid;
  }
}

/** The text of a key file that {@link parseKeyFile} reads back. Holds secrets. */
export function formatKeyFile(keys: readonly SessionKey[]): string {
  const entries = keys.map(({ kid, state, master, legacy }) => ({
    kid,
    state,
    master: master.toString('base64'),
    ...(legacy ? { legacy } : {}),
  }));
  return `${JSON.stringify({ keys: entries })}\n`;
}

/** The compact key of a channel: HKDF-SHA-256 (RFC 5869) of a 32-byte master. */
export function deriveCompactKey(
  master: Buffer,
  channel: SessionChannel,
  kernels: Kernels,
): Buffer {
  return kernels.hkdf(master, COMPACT_SALT, Buffer.of(channel), MASTER_BYTES);
}

/** The legacy key: one for both channels, as that generation had it. */
export function deriveLegacyKey(master: Buffer, kernels: Kernels): Buffer {
  return kernels.hkdf(master, LEGACY_SALT, NO_INFO, MASTER_BYTES);
}

/** All derived keys, found by number in one step. */
export class KeyRing {
  /** Stands in for a key that does not exist, so that refusing costs as much as checking. */
  readonly dummy: MacKey;
  /** Key of legacy sessions, or null when none is marked. */
  readonly legacyKey: MacKey | null;
  /** Numbers of the keys that issue, in the order of the file. */
  readonly signingKids: readonly number[];
  /** Place of each key number in the two lists; 0 is the dummy. As long as the highest number. */
  readonly #places: Uint16Array;
  readonly #wireless: MacKey[];
  readonly #pc: MacKey[];

  /** @param keys as {@link parseKeyFile} gives them: numbers are unique, at most one is legacy */
  constructor(keys: readonly SessionKey[], kernels: Kernels) {
    this.dummy = kernels.prepareMacKey(Buffer.alloc(MASTER_BYTES));
    const live = keys.filter((key) => key.state !== 'dead');
    this.#places = new Uint16Array(live.reduce((max, key) => Math.max(max, key.kid + 1), 0));
    this.#wireless = [this.dummy];
    this.#pc = [this.dummy];
    for (const { kid, master } of live) {
      this.#places[kid] = this.#wireless.length;
      const prepare = (channel: SessionChannel) =>
        kernels.prepareMacKey(deriveCompactKey(master, channel, kernels));
      this.#wireless.push(prepare(SessionChannel.wireless));
      this.#pc.push(prepare(SessionChannel.pc));
    }
    const legacy = live.find((key) => key.legacy);
    this.legacyKey = legacy ? kernels.prepareMacKey(deriveLegacyKey(legacy.master, kernels)) : null;
    this.signingKids = live.filter((key) => key.state === 'signing').map((key) => key.kid);
  }

  /**
   * The key of a channel and a key number; {@link KeyRing.dummy} when there is none. Hot path.
   *
   * @param kid 0..65535
   */
  find(channel: number, kid: number): MacKey {
    const place = kid < this.#places.length ? this.#places[kid]! : 0;
    if (channel === SessionChannel.wireless) return this.#wireless[place]!;
    if (channel === SessionChannel.pc) return this.#pc[place]!;
    return this.dummy;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A short form of a wrong value for a message. */
function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'missing';
  return text.length > 40 ? `${text.slice(0, 40)}...` : text;
}
