// What the session tests share: verifiers over given keys with short calls, kernels that count.

import { TypeScriptKernels } from '#core/codec/kernels.ts';
import type { MacKey } from '#core/codec/kernels.ts';
import { SessionCache } from '#core/codec/session/cache.ts';
import { SessionVerifier } from '#core/codec/session/compact.ts';
import { KeyRing } from '#core/codec/session/keys.ts';
import type { SessionKey } from '#core/codec/session/keys.ts';
import { LegacyVerifier } from '#core/codec/session/legacy.ts';
import { buildRevocations } from '#core/codec/session/revocation.ts';
import type { RevocationList, RevocationTable } from '#core/codec/session/revocation.ts';
import { SESSION_STATUS_NAMES, SessionView } from '#core/codec/session/types.ts';
import { MASTER, NOW } from './reference.ts';

/** Kernels that count what they compute: the time class of an answer, without a clock. */
export class CountingKernels extends TypeScriptKernels {
  macs = 0;
  hashes = 0;
  gunzips = 0;

  override verifyMac(key: MacKey, bytes: Buffer, at: number, length: number, mac: number): boolean {
    this.macs++;
    return super.verifyMac(key, bytes, at, length, mac);
  }

  override sha256(bytes: Buffer, at: number, length: number, target: Buffer, to: number): void {
    this.hashes++;
    super.sha256(bytes, at, length, target, to);
  }

  override gunzip(bytes: Buffer, at: number, length: number, bytesMax: number): Buffer | null {
    this.gunzips++;
    return super.gunzip(bytes, at, length, bytesMax);
  }
}

export const KEY_1: SessionKey = { kid: 1, state: 'signing', master: MASTER, legacy: true };

export function tableOf(list: RevocationList): RevocationTable {
  const result = buildRevocations(list, NOW);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.table;
}

export interface CheckOptions {
  readonly channel?: number;
  readonly now?: number;
  readonly device?: string;
}

/** Both verifiers over one set of keys. Sessions are checked in the middle of a larger buffer. */
export class Harness {
  readonly kernels = new CountingKernels();
  readonly ring: KeyRing;
  readonly view = new SessionView();
  readonly cache: SessionCache | null;
  readonly compact: SessionVerifier;
  readonly legacy: LegacyVerifier;

  constructor(
    keys: readonly SessionKey[] = [KEY_1],
    revocations: RevocationList = {},
    cache: { entries: number } | SessionCache | null = null,
  ) {
    this.ring = new KeyRing(keys, this.kernels);
    const isCache = cache instanceof SessionCache;
    this.cache = isCache || cache === null ? cache : new SessionCache(cache.entries, this.ring);
    const options = {
      kernels: this.kernels,
      keys: this.ring,
      revocations: tableOf(revocations),
      cache: this.cache,
    };
    this.compact = new SessionVerifier(options);
    this.legacy = new LegacyVerifier(options);
  }

  /** Name of the result for a compact session. */
  check(session: Buffer, options: CheckOptions = {}): string {
    return this.#run(this.compact, session, options);
  }

  /** Name of the result for a legacy session. */
  checkLegacy(session: Buffer, options: CheckOptions = {}): string {
    return this.#run(this.legacy, session, options);
  }

  #run(verifier: SessionVerifier | LegacyVerifier, session: Buffer, options: CheckOptions): string {
    const before = 5;
    const bytes = Buffer.concat([Buffer.alloc(before, 0xee), session, Buffer.alloc(9, 0xee)]);
    const device = Buffer.from(`..${options.device ?? ''}..`);
    const status = verifier.verify(
      bytes,
      before,
      session.length,
      options.channel ?? 1,
      options.now ?? NOW,
      device,
      2,
      device.length - 4,
      this.view,
    );
    return SESSION_STATUS_NAMES[status]!;
  }
}
