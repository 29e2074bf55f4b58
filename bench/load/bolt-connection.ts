// HOT PATH. One connection of the Bolt generator. An answer is right when its status is success and
// its content belongs to the request.

import { DecodeStatus } from '#core/base/decode-status.ts';
import type { Transport } from '#core/base/network.ts';
import { BoltFrame, peekBolt } from '#core/codec/bolt/frame.ts';
import { CommandCode, CommandType, Status } from '#core/codec/bolt/types.ts';
import { FRAME_BYTES_MAX, LoadConnection } from './load-connection.ts';

/** One connection to a Bolt service, or to a proxy in front of one; ready at once. */
export class BoltLoadConnection extends LoadConnection {
  readonly #frame = new BoltFrame();

  override opened(transport: Transport): void {
    super.opened(transport);
    this.shared.onReady();
  }

  override onBytes(bytes: Buffer, start: number, end: number): number {
    const nowMs = performance.now();
    const frame = this.#frame;
    let at = start;
    while (at < end) {
      const status = peekBolt(bytes, at, end, FRAME_BYTES_MAX, frame);
      if (status === DecodeStatus.needMore) break;
      if (status !== DecodeStatus.ok) {
        this.refuse();
        return end - start;
      }
      this.#take(bytes, nowMs);
      at += frame.frameBytes;
    }
    return at - start;
  }

  #take(bytes: Buffer, nowMs: number): void {
    const { type, command, requestId, status, contentOffset, contentLength } = this.#frame;
    if (type !== CommandType.response || command !== CommandCode.response) {
      // Services do not ask clients, and nobody sent a heartbeat: GOAWAY, or a fault.
      this.shared.tally.complain(`frame of type ${type} with command ${command}`);
      return;
    }
    if (!this.tryTake(requestId)) return;
    const problem = status === Status.success ? '' : `status ${status}`;
    this.settle(problem, bytes, contentOffset, contentLength, nowMs);
  }
}
