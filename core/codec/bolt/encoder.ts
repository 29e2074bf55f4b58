// HOT PATH. Writes Bolt frames into an OutBuffer. All that frames of one API have in common is laid
// out once in a template; per frame it is copied, patched and followed by what is new.
// Invariant: a frame is either complete in the buffer or not there at all.
//
//   begin                    entry, entry ...            finish
//   head | class | entries   | more header entries       | content [| CRC]
//   ^ id and timeout patched                             header and content length patched

import type { OutBuffer } from '#core/base/out-buffer.ts';
import { writeInt32, writeUint16 } from './bytes.ts';
import { crcOf, patchRequestId, type BoltFrame } from './frame.ts';
import { encodeHeaderMap } from './header-map.ts';
import {
  Codec,
  CommandCode,
  CommandType,
  CRC_BYTES,
  CRC_SWITCH,
  requestIdOffset,
  SHORT_LENGTH_MAX,
  type BoltForm,
} from './types.ts';

/** What the frames of one template have in common. */
export interface TemplateOptions {
  readonly form: BoltForm;
  /** A {@link Codec}, or another byte that the peers agreed on. */
  readonly codec: number;
  /** Class name of the content; '' for none. */
  readonly className: string;
  /** Entries every frame carries, in this order. A null value is written as null. */
  readonly headers: Iterable<readonly [string, string | null]>;
}

/** Frames of one API on connections of one form. */
export class RequestTemplate {
  readonly #frames: Template;

  /** @throws RangeError when class name or header entries do not fit a frame */
  constructor(options: TemplateOptions) {
    this.#frames = new Template(options, CommandType.request, CommandCode.request);
  }

  /**
   * Starts a request. Header entries may be appended to `out` next (header-map.ts); then
   * {@link RequestTemplate.finish} completes it. Nothing else is written to `out` in between.
   *
   * @param requestId any signed or unsigned 32-bit number
   * @param timeoutMs how long the caller waits, -1 without a limit
   * @param isOneway the peer shall not answer; some peers do all the same
   * @returns where the frame begins, for `finish`
   */
  begin(out: OutBuffer, requestId: number, timeoutMs: number, isOneway: boolean): number {
    const frames = this.#frames;
    const start = frames.begin(out, requestId);
    writeInt32(out.bytes, start + frames.lengthsOffset - 4, timeoutMs);
    if (isOneway) out.bytes[start + frames.typeOffset] = CommandType.oneway;
    return start;
  }

  /**
   * Completes the request that began at `start` with `content[offset, offset + length)`.
   *
   * @returns false when the header map became longer than 32,767 bytes; `out` is then as it was
   *   before `begin`
   */
  finish(out: OutBuffer, start: number, content: Buffer, offset: number, length: number): boolean {
    return this.#frames.finish(out, start, content, offset, length);
  }

  /** Appends a whole request without further header entries. */
  append(
    out: OutBuffer,
    requestId: number,
    timeoutMs: number,
    content: Buffer,
    offset: number,
    length: number,
  ): void {
    const start = this.begin(out, requestId, timeoutMs, false);
    this.#frames.finish(out, start, content, offset, length);
  }
}

/** Responses of one kind: of a Bolt server, and answers to requests that a peer pushes to us. */
export class ResponseTemplate {
  readonly #frames: Template;

  /**
   * @param status a {@link Status}
   * @throws RangeError when class name or header entries do not fit a frame
   */
  constructor(options: TemplateOptions, status: number) {
    this.#frames = new Template(options, CommandType.response, CommandCode.response);
    writeUint16(this.#frames.head, this.#frames.lengthsOffset - 2, status);
  }

  /** Appends a response with `content[offset, offset + length)`; `requestId` as in the request. */
  append(out: OutBuffer, requestId: number, content: Buffer, offset: number, length: number): void {
    const start = this.#frames.begin(out, requestId);
    this.#frames.finish(out, start, content, offset, length);
  }
}

/** Appends the request that asks a silent peer for a sign of life. */
export function appendHeartbeat(
  out: OutBuffer,
  form: BoltForm,
  requestId: number,
  timeoutMs: number,
): void {
  appendBare(out, form, CommandType.request, requestId, timeoutMs);
}

/** Appends the answer to a heartbeat with the id `requestId`. */
export function appendHeartbeatAck(out: OutBuffer, form: BoltForm, requestId: number): void {
  appendBare(out, form, CommandType.response, requestId, 0);
}

/** Copies a complete frame under another request id: the pass-through of a proxy. */
export function appendRenumbered(
  out: OutBuffer,
  bytes: Buffer,
  frame: BoltFrame,
  requestId: number,
): void {
  const start = out.length;
  out.append(bytes, frame.frameOffset, frame.frameBytes);
  patchRequestId(out.bytes, start, frame, requestId);
}

/** The fixed front of frames, and what to patch in it. */
class Template {
  /** Head, class name and common header entries. */
  readonly head: Buffer;
  readonly typeOffset: number;
  /** Offset of class, header map and content length; timeout or status end here. */
  readonly lengthsOffset: number;
  readonly #idOffset: number;
  /** Where the header map begins. */
  readonly #headerOffset: number;
  readonly #hasCrc: boolean;

  constructor(options: TemplateOptions, type: number, command: number) {
    const { form } = options;
    const fixedBytes = headBytes(form, type);
    const className = Buffer.from(options.className);
    const headerMap = encodeHeaderMap(options.headers);
    if (className.length > SHORT_LENGTH_MAX || headerMap.length > SHORT_LENGTH_MAX) {
      throw new RangeError(
        `Bolt template of class "${options.className.slice(0, 64)}" is too large: ` +
          `class name and header map take at most ${SHORT_LENGTH_MAX} bytes each`,
      );
    }
    this.head = Buffer.concat([Buffer.alloc(fixedBytes), className, headerMap]);
    this.typeOffset = form.version;
    this.lengthsOffset = fixedBytes - 8;
    this.#idOffset = requestIdOffset(form.version);
    this.#headerOffset = fixedBytes + className.length;
    this.#hasCrc = form.hasCrc;
    writeHead(this.head, 0, form, type, command, options.codec);
    writeUint16(this.head, this.lengthsOffset, className.length);
    writeUint16(this.head, this.lengthsOffset + 2, headerMap.length);
  }

  begin(out: OutBuffer, requestId: number): number {
    const start = out.length;
    out.append(this.head, 0, this.head.length);
    writeInt32(out.bytes, start + this.#idOffset, requestId);
    return start;
  }

  finish(out: OutBuffer, start: number, content: Buffer, offset: number, length: number): boolean {
    const headerLength = out.length - start - this.#headerOffset;
    if (headerLength > SHORT_LENGTH_MAX) {
      out.length = start;
      return false;
    }
    const lengths = start + this.lengthsOffset;
    writeUint16(out.bytes, lengths + 2, headerLength);
    writeInt32(out.bytes, lengths + 4, length);
    out.append(content, offset, length);
    if (this.#hasCrc) appendCrc(out, start);
    return true;
  }
}

function appendBare(
  out: OutBuffer,
  form: BoltForm,
  type: number,
  requestId: number,
  timeoutMs: number,
): void {
  const fixedBytes = headBytes(form, type);
  const start = out.reserve(fixedBytes);
  const bytes = out.bytes;
  bytes.fill(0, start, start + fixedBytes);
  writeHead(bytes, start, form, type, CommandCode.heartbeat, Codec.hessian);
  writeInt32(bytes, start + requestIdOffset(form.version), requestId);
  if (type !== CommandType.response) writeInt32(bytes, start + fixedBytes - 12, timeoutMs);
  if (form.hasCrc) appendCrc(out, start);
}

function headBytes(form: BoltForm, type: number): number {
  return (type === CommandType.response ? 20 : 22) + 2 * (form.version - 1);
}

/** Writes what does not change between frames: protocol, type, command, ver2, codec, switch. */
function writeHead(
  bytes: Buffer,
  start: number,
  form: BoltForm,
  type: number,
  command: number,
  codec: number,
): void {
  const idOffset = requestIdOffset(form.version);
  bytes[start] = form.version;
  if (form.version === 2) {
    bytes[start + 1] = form.ver1;
    bytes[start + 11] = form.hasCrc ? CRC_SWITCH : 0;
  }
  bytes[start + form.version] = type;
  writeUint16(bytes, start + form.version + 1, command);
  bytes[start + idOffset - 1] = 1;
  bytes[start + idOffset + 4] = codec;
}

function appendCrc(out: OutBuffer, start: number): void {
  const at = out.reserve(CRC_BYTES);
  writeInt32(out.bytes, at, crcOf(out.bytes, start, at - start));
}
