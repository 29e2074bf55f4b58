// HOT PATH. The business of the headline's services, the same object in the service that embeds a
// gateway and in the one behind a sidecar: who the user is, the calibrated work, an answer that
// carries the request's tag.

import type { CalibratedWork } from './calibrated-work.ts';
import { TAG_BYTES, type TaggedMessage } from './tagged-message.ts';

export class AccountHandler {
  readonly #message: TaggedMessage;
  readonly #work: CalibratedWork;

  constructor(message: TaggedMessage, work: CalibratedWork) {
    this.#message = message;
    this.#work = work;
  }

  /**
   * Answers the request whose body is `source[offset, offset + length)`.
   *
   * @param uid decimal; empty: nobody is logged in
   * @returns a buffer that the next answer overwrites; null for a request that is not right
   */
  answer(source: Buffer, offset: number, length: number, uid: string): Buffer | null {
    const { bytes, tagOffset } = this.#message;
    if (uid === '' || length < tagOffset + TAG_BYTES) return null;
    this.#work.run();
    const tagAt = offset + tagOffset;
    for (let i = 0; i < TAG_BYTES; i++) bytes[tagOffset + i] = source[tagAt + i]!;
    return bytes;
  }
}
