// HOT PATH. The checks that compact and legacy sessions share, after the MAC: time, revocation,
// device. Invariant: they run for every request, whether the MAC was computed or remembered.

import { MAC_BYTES } from '../kernels.ts';
import type { Kernels } from '../kernels.ts';
import { readU32 } from './bytes.ts';
import type { RevocationTable } from './revocation.ts';
import { SessionStatus } from './types.ts';
import type { SessionView } from './types.ts';

/** Time, revocation and device of a session whose bytes are known to be genuine. */
export class ClaimChecker {
  readonly #kernels: Kernels;
  readonly #revocations: RevocationTable;
  readonly #skewSeconds: number;
  readonly #digest = Buffer.alloc(MAC_BYTES);

  /** @param skewSeconds how far the issuer's clock may be off, in seconds */
  constructor(kernels: Kernels, revocations: RevocationTable, skewSeconds: number) {
    this.#kernels = kernels;
    this.#revocations = revocations;
    this.#skewSeconds = skewSeconds;
  }

  /**
   * Valid in the seconds `issuedAt - skew .. issuedAt + ttl + skew`, both included.
   *
   * @param view filled with the session
   * @param nowSeconds Unix time in whole seconds
   * @param device bytes that hold the request's device id; length 0: the request names none
   */
  check(
    view: SessionView,
    nowSeconds: number,
    device: Buffer,
    deviceOffset: number,
    deviceLength: number,
  ): SessionStatus {
    const skew = this.#skewSeconds;
    if (view.issuedAt > nowSeconds + skew) return SessionStatus.notYetValid;
    if (nowSeconds > view.issuedAt + view.ttl + skew) return SessionStatus.expired;
    if (this.#revocations.isRevoked(view)) return SessionStatus.revoked;
    if (view.deviceHashHigh === 0 && view.deviceHashLow === 0) return SessionStatus.ok;
    const digest = this.#digest;
    this.#kernels.sha256(device, deviceOffset, deviceLength, digest, 0);
    const isSame =
      readU32(digest, 0) === view.deviceHashHigh && readU32(digest, 4) === view.deviceHashLow;
    return isSame ? SessionStatus.ok : SessionStatus.wrongDevice;
  }
}
