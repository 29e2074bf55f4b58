// HOT PATH. Sees to it that all of a request lies in slots of the acceptor's arena before a record
// speaks of it. Mostly it does: sockets of busy connections read into slots.

import type { RequestMessage } from '#core/codec/message.ts';
import type { Slot, SlotArena } from '#core/slot-arena.ts';
import type { SlotReferences } from './references.ts';
import type { TextPlace } from './request-words.ts';
import type { Spill } from './spill.ts';

/** LIMIT: what a request may have elsewhere: a session of BIND, a device, an address. Bytes. */
const REST_BYTES = 16 * 1024;

export class RequestPlacer {
  /** Where the address of the client was placed last; length 0: it is the peer's own. */
  readonly clientIp: TextPlace = { offset: 0, length: 0 };
  readonly #arena: SlotArena;
  readonly #spill: Spill;
  readonly #references: SlotReferences;

  constructor(arena: SlotArena, spill: Spill, references: SlotReferences) {
    this.#arena = arena;
    this.#spill = spill;
    this.#references = references;
  }

  /** Whether there ever is room for the request: it may have grown by what tables held of it. */
  canPlace(request: RequestMessage): boolean {
    return this.#slotOf(request) !== null || this.#spill.bytesMax >= placedBytes(request);
  }

  /**
   * The slot that the request lies in, after copying it into one if it must be. The caller refers
   * to it at once; room for what `placeRest` may copy is there as well.
   *
   * @returns null: there is no room now
   */
  tryPlace(request: RequestMessage): Slot | null {
    const slot = this.#slotOf(request);
    if (slot !== null) return this.#spill.has(REST_BYTES) ? slot : null;
    if (!this.#spill.has(placedBytes(request))) return null;
    const at = this.#spill.take(request.byteLength());
    request.moveTo(this.#arena.bytes, at);
    return this.#arena.slotAt(at);
  }

  /** Where all of the request lies already. */
  #slotOf(request: RequestMessage): Slot | null {
    const arena = this.#arena;
    if (request.source !== arena.bytes || request.bodySource !== arena.bytes) return null;
    // In front of a body there is always a part of its own request, also at the end of a slot.
    return arena.slotAt(request.bodyOffset - 1);
  }

  /**
   * Copies what the request has elsewhere: what its connection knows of session and device, and an
   * address of the client that is not the peer's.
   *
   * @param position end of the record that will speak of it
   */
  placeRest(request: RequestMessage, peerIp: string, position: number): void {
    const { bytes } = this.#arena;
    if (request.sessionLength > 0 && request.sessionSource !== bytes) {
      const { sessionSource, sessionOffset, sessionLength } = request;
      request.sessionOffset = this.#copy(sessionSource, sessionOffset, sessionLength, position);
      request.sessionSource = bytes;
    }
    if (request.deviceSource !== null && request.deviceSource !== bytes) {
      const { deviceSource, deviceIdOffset, deviceIdLength } = request;
      request.deviceIdOffset = this.#copy(deviceSource, deviceIdOffset, deviceIdLength, position);
      request.deviceSource = bytes;
    }
    const { clientIp } = this;
    clientIp.offset = clientIp.length = 0;
    if (request.clientIp === peerIp) return;
    const text = Buffer.from(request.clientIp, 'latin1');
    clientIp.offset = this.#copy(text, 0, text.length, position);
    clientIp.length = text.length;
  }

  /** There is room: {@link REST_BYTES} of it were seen before. */
  #copy(source: Buffer, offset: number, length: number, position: number): number {
    const at = this.#spill.take(length);
    source.copy(this.#arena.bytes, at, offset, offset + length);
    this.#references.add(position, this.#arena.slotAt(at)!);
    return at;
  }
}

/** What a copy of the request takes. */
function placedBytes(request: RequestMessage): number {
  return request.byteLength() + REST_BYTES;
}
