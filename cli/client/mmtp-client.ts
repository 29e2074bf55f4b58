// A promise client for Mmtp: one connection, many concurrent calls, pushes and events. For
// `mgw call` and tests; load generators use RequestTemplate instead.
// Invariant: every call settles exactly once: by its answer, its time, its signal, GOAWAY or close.
// Framing and writing are left to mmtp-link.ts, stream ids and timers to call-table.ts.

import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { ResultCode } from '#core/base/result-codes.ts';
import { ResponseMessage } from '#core/codec/message.ts';
import { compressBody, decompressBody } from '#core/codec/mmtp/body.ts';
import type { BodyProblem, ZstdDictionary } from '#core/codec/mmtp/body.ts';
import { encodeRequest } from '#core/codec/mmtp/client-request.ts';
import * as control from '#core/codec/mmtp/control.ts';
import { DynamicTable, DynamicTableEncoder } from '#core/codec/mmtp/dynamic-table.ts';
import type { MmtpFrame } from '#core/codec/mmtp/frame.ts';
import { decodePush, encodePushAck, headerTexts } from '#core/codec/mmtp/push.ts';
import type { Push } from '#core/codec/mmtp/push.ts';
import { decodeResponse } from '#core/codec/mmtp/response.ts';
import { EventKind, FRAME_BYTES_MAX_DEFAULT, FrameFlag } from '#core/codec/mmtp/types.ts';
import { FrameType, HEADERS_MAX_DEFAULT, MetaStatus } from '#core/codec/mmtp/types.ts';
import { TABLE_SIZE_DEFAULT } from '#core/codec/mmtp/types.ts';
import { CallTable } from './call-table.ts';
import type { CallAnswer, CallOptions, MmtpClientOptions } from './client-types.ts';
import { MmtpClientError } from './mmtp-client-error.ts';
import { MmtpLink } from './mmtp-link.ts';

const CONNECT_TIMEOUT_MS = 5000;
/** A call without timeoutMs is given up after this. */
const CALL_TIMEOUT_MS = 10_000;
/** The gateway's own answer to a timeout (4001) may take this much longer than the call's time. */
const CALL_GRACE_MS = 1000;
/** How long close() waits for the server to close its side. */
const CLOSE_LINGER_MS = 1000;
/** Body of the client's own PINGs: a counter, then zeros. */
const PING_BYTES = 8;

/**
 * Opens a connection and waits for INIT_ACK.
 *
 * @throws MmtpClientError `MMTP_CONNECT`
 */
export async function connectMmtp(options: MmtpClientOptions): Promise<MmtpClient> {
  const { host = '127.0.0.1', port, connectTimeoutMs = CONNECT_TIMEOUT_MS } = options;
  const socket = connect({ host, port, noDelay: true });
  const client = new MmtpClient(socket, options);
  const timer = setTimeout(() => {
    socket.destroy(new Error(`no INIT_ACK within ${connectTimeoutMs} ms`));
  }, connectTimeoutMs);
  try {
    await client.ready;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const text = `Cannot connect to Mmtp at ${host}:${port}: ${why}`;
    throw new MmtpClientError('MMTP_CONNECT', text, { cause });
  } finally {
    clearTimeout(timer);
  }
  return client;
}

/** One connection; made by {@link connectMmtp}. */
export class MmtpClient {
  /** Called for every PUSH; it is acknowledged with 1000 afterwards. */
  onPush: ((push: Push) => void) | null = null;
  onEvent: ((event: control.ServerEvent) => void) | null = null;
  onGoaway: ((goaway: control.Goaway) => void) | null = null;
  /** Called once; `reason` is null after {@link close}. */
  onClose: ((reason: Error | null) => void) | null = null;
  /** What the server announced; null until {@link ready}. */
  limits: control.InitAck | null = null;
  readonly ready: Promise<void>;

  readonly #link: MmtpLink;
  readonly #options: MmtpClientOptions;
  readonly #maxFrameBytes: number;
  readonly #table: DynamicTable;
  readonly #response = new ResponseMessage();
  readonly #calls: CallTable<CallAnswer>;
  readonly #initAck = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<void>();
  readonly #binds: PromiseWithResolvers<number>[] = [];
  readonly #pings = new Map<number, PromiseWithResolvers<void>>();
  #encoder: DynamicTableEncoder | null = null;
  #dictionary: ZstdDictionary | null = null;
  #keepAlive: NodeJS.Timeout | undefined;
  #pingCount = 0;
  #restrictedUntilMs = 0;
  /** Why no further call is taken; null while the connection is good. */
  #refusal: MmtpClientError | null = null;

  constructor(socket: Socket, options: MmtpClientOptions) {
    this.#options = options;
    this.#maxFrameBytes = options.maxFrameBytes ?? FRAME_BYTES_MAX_DEFAULT;
    this.#table = new DynamicTable(options.tableSize ?? TABLE_SIZE_DEFAULT);
    this.#calls = new CallTable((streamId) => this.#cancel(streamId), options.firstStreamId);
    this.ready = this.#initAck.promise;
    this.#link = new MmtpLink(socket, this.#maxFrameBytes, {
      onFrame: (bytes, frame) => this.#tryTakeFrame(bytes, frame),
      onClose: (reason) => this.#onLinkClose(reason),
    });
    const { appId = '', workspaceId = '', deviceId = '', dictionaries = [] } = options;
    const dictIds = dictionaries.map((dictionary) => dictionary.id);
    const { size: tableSize } = this.#table;
    const maxFrameBytes = this.#maxFrameBytes;
    const init = { appId, workspaceId, deviceId, dictIds, maxFrameBytes, tableSize };
    control.encodeInit(this.#link.out, init);
    this.#link.flushSoon();
  }

  /** Calls that wait for their answer. */
  get openCalls(): number {
    return this.#calls.size;
  }

  /**
   * Calls an API.
   *
   * @param body bytes as they are, or text as UTF-8
   * @returns the answer, whatever its result code
   * @throws MmtpClientError when there is no answer; the signal's reason when that aborted
   */
  async call(
    operationType: string,
    body: Uint8Array | string,
    options: CallOptions = {},
  ): Promise<CallAnswer> {
    options.signal?.throwIfAborted();
    this.#throwIfRefused();
    const deadlineMs = (options.timeoutMs ?? CALL_TIMEOUT_MS) + CALL_GRACE_MS;
    const { streamId, answer } = this.#calls.open(deadlineMs, options.signal);
    try {
      this.#sendRequest(streamId, operationType, body, options);
    } catch (error) {
      this.#calls.fail(streamId, error);
    }
    return answer;
  }

  /** Sends a request that wants no answer (ONEWAY). */
  send(operationType: string, body: Uint8Array | string, options: CallOptions = {}): void {
    this.#throwIfRefused();
    const flags = (options.flags ?? 0) | FrameFlag.oneway;
    const streamId = this.#calls.allocateStreamId();
    this.#sendRequest(streamId, operationType, body, { ...options, flags });
  }

  /** Binds a session to the connection; answers the result code, 1000 or 2000. */
  async bind(session: Uint8Array): Promise<number> {
    this.#throwIfRefused();
    const waiting = Promise.withResolvers<number>();
    this.#binds.push(waiting);
    control.encodeBind(this.#link.out, session);
    this.#link.flushSoon();
    return waiting.promise;
  }

  unbind(): void {
    control.encodeUnbind(this.#link.out);
    this.#link.flushSoon();
  }

  /** Sends PING; answers the milliseconds until its PONG. */
  async ping(): Promise<number> {
    this.#throwIfRefused();
    const waiting = Promise.withResolvers<void>();
    this.#pings.set(++this.#pingCount, waiting);
    const body = Buffer.alloc(PING_BYTES);
    body.writeUInt32BE(this.#pingCount);
    const startedMs = performance.now();
    control.encodePing(this.#link.out, FrameType.ping, body);
    this.#link.flushSoon();
    await waiting.promise;
    return performance.now() - startedMs;
  }

  /** Sends what is gathered, ends the connection and waits until it is closed. */
  async close(): Promise<void> {
    this.#refusal ??= new MmtpClientError('MMTP_CLOSED', 'The client closed the connection');
    this.#link.end(CLOSE_LINGER_MS);
    await this.#closed.promise;
  }

  #sendRequest(
    streamId: number,
    operationType: string,
    body: Uint8Array | string,
    options: CallOptions,
  ): void {
    const { headers = {}, signal: _, ...fields } = options;
    const { out } = this.#link;
    const plain = typeof body === 'string' ? Buffer.from(body) : body;
    const packed = this.#options.compresses ? compressBody(plain, this.#dictionary) : null;
    const flags = (options.flags ?? 0) | (packed === null ? 0 : FrameFlag.compressed);
    const rest = { streamId, operationType, flags, body: packed ?? plain };
    const start = out.length;
    const request = { ...fields, ...rest, headers: Object.entries(headers) };
    const frameBytes = encodeRequest(out, request, this.#encoder);
    const limit = this.limits?.maxFrameBytes ?? 0;
    if (frameBytes === 0 || (limit > 0 && frameBytes > limit)) {
      out.length = start;
      // The server will not see what this frame defined: go on without its table.
      this.#encoder = null;
      const what = frameBytes === 0 ? 'fields take over 65,535' : `frame takes ${frameBytes}`;
      throw new MmtpClientError('MMTP_TOO_LARGE', `The request's ${what} bytes, too much to send`);
    }
    this.#link.flushSoon();
  }

  #cancel(streamId: number): void {
    control.encodeCancel(this.#link.out, streamId);
    this.#link.flushSoon();
  }

  #throwIfRefused(): void {
    if (this.#refusal !== null) throw this.#refusal;
    const restrictedMs = this.#restrictedUntilMs - performance.now();
    if (restrictedMs > 0) {
      const seconds = Math.ceil(restrictedMs / 1000);
      throw new MmtpClientError('MMTP_RESTRICTED', `The server takes no calls for ${seconds} s`);
    }
  }

  /** Handles one frame; false when it is malformed. Unknown types are skipped. */
  #tryTakeFrame(bytes: Buffer, frame: MmtpFrame): boolean {
    const table = this.#table;
    switch (frame.type) {
      case FrameType.response:
        return this.#tryTakeResponse(bytes, frame);
      case FrameType.initAck:
        return this.#tryTakeInitAck(control.decodeInitAck(bytes, frame, table));
      case FrameType.bindAck: {
        const ack = control.decodeResultStatus(bytes, frame, table);
        if (typeof ack !== 'object') return false;
        this.#binds.shift()?.resolve(ack.resultCode);
        return true;
      }
      case FrameType.push: {
        const push = decodePush(bytes, frame, table, HEADERS_MAX_DEFAULT);
        return typeof push === 'object' && this.#tryTakePush(push);
      }
      case FrameType.ping:
      case FrameType.pong:
        if (control.decodeEmpty(bytes, frame, table) !== MetaStatus.ok) return false;
        this.#takePing(bytes, frame);
        return true;
      case FrameType.event: {
        const event = control.decodeEvent(bytes, frame, table);
        if (typeof event !== 'object') return false;
        if (event.kind === EventKind.restrict) {
          this.#restrictedUntilMs = performance.now() + event.delayS * 1000;
        }
        this.onEvent?.(event);
        return true;
      }
      case FrameType.goaway: {
        const goaway = control.decodeGoaway(bytes, frame, table);
        if (typeof goaway !== 'object') return false;
        this.#takeGoaway(goaway);
        return true;
      }
      default:
        return true;
    }
  }

  #tryTakeInitAck(ack: control.InitAck | control.MetaFailure): boolean {
    if (typeof ack !== 'object') return false;
    if (ack.resultCode !== ResultCode.success) {
      const text = `the server refused INIT with ${ack.resultCode}`;
      this.#link.destroy(new MmtpClientError('MMTP_CONNECT', text));
      return true;
    }
    this.limits = ack;
    this.#dictionary = this.#options.dictionaries?.find(({ id }) => id === ack.dictId) ?? null;
    if (this.#options.usesTable !== false && ack.tableSize > 0) {
      this.#encoder = new DynamicTableEncoder(Math.min(ack.tableSize, TABLE_SIZE_DEFAULT));
    }
    if (ack.idleTimeoutS > 0) {
      this.#keepAlive = setInterval(() => this.#pingIfQuiet(), (ack.idleTimeoutS * 1000) / 3);
      this.#keepAlive.unref();
    }
    this.#initAck.resolve();
    return true;
  }

  #tryTakeResponse(bytes: Buffer, frame: MmtpFrame): boolean {
    const response = this.#response;
    const status = decodeResponse(bytes, frame, this.#table, response, HEADERS_MAX_DEFAULT);
    if (status !== MetaStatus.ok) return false;
    const { streamId } = frame;
    const ms = this.#calls.elapsedMs(streamId);
    if (ms < 0) return true;
    const body = this.#plainBody(bytes, frame);
    if (typeof body === 'string') {
      const text = `The answer cannot be decompressed: ${body}`;
      this.#calls.fail(streamId, new MmtpClientError('MMTP_PROTOCOL', text));
      return true;
    }
    const { resultCode, memo, tips, contentType } = response;
    const headers = headerTexts(response.headers, response.headerSource);
    this.#calls.resolve(streamId, { resultCode, memo, tips, headers, contentType, body, ms });
    return true;
  }

  #tryTakePush(push: Push): boolean {
    this.onPush?.(push);
    encodePushAck(this.#link.out, push.streamId, ResultCode.success);
    this.#link.flushSoon();
    return true;
  }

  /** The body of an answer in memory of its own, decompressed; or why that failed. */
  #plainBody(bytes: Buffer, frame: MmtpFrame): Buffer | BodyProblem {
    const { bodyOffset, bodyEnd } = frame;
    if ((frame.flags & FrameFlag.compressed) === 0) {
      return Buffer.from(bytes.subarray(bodyOffset, bodyEnd));
    }
    const length = bodyEnd - bodyOffset;
    return decompressBody(bytes, bodyOffset, length, this.#maxFrameBytes, this.#dictionary);
  }

  #takePing(bytes: Buffer, frame: MmtpFrame): void {
    const { bodyOffset } = frame;
    const length = frame.bodyEnd - bodyOffset;
    if (frame.type === FrameType.ping) {
      control.encodePing(this.#link.out, FrameType.pong, bytes, bodyOffset, length);
      this.#link.flushSoon();
    } else if (length === PING_BYTES) {
      const count = bytes.readUInt32BE(bodyOffset);
      this.#pings.get(count)?.resolve();
      this.#pings.delete(count);
    }
  }

  #takeGoaway(goaway: control.Goaway): void {
    const code = goaway.resultCode === 0 ? '' : ` with ${goaway.resultCode}`;
    const text = `The server goes away${code} and did not process the call`;
    this.#refusal = new MmtpClientError('MMTP_GOING_AWAY', text);
    this.#calls.failAbove(goaway.lastStream, this.#refusal);
    this.onGoaway?.(goaway);
  }

  #pingIfQuiet(): void {
    if (!this.#link.hasWritten) {
      control.encodePing(this.#link.out, FrameType.ping);
      this.#link.flushSoon();
    }
    this.#link.hasWritten = false;
  }

  #onLinkClose(reason: Error | null): void {
    clearInterval(this.#keepAlive);
    const isOwn = this.#refusal?.code === 'MMTP_CLOSED';
    const why = reason?.message ?? (isOwn ? 'closed by the client' : 'closed by the server');
    const text = `The connection ended before the answer: ${why}`;
    const error =
      reason instanceof MmtpClientError
        ? reason
        : new MmtpClientError('MMTP_CLOSED', text, { cause: reason });
    this.#refusal ??= error;
    this.#initAck.reject(reason ?? error);
    this.#calls.failAbove(-1, error);
    for (const waiting of this.#binds.splice(0)) waiting.reject(error);
    for (const waiting of this.#pings.values()) waiting.reject(error);
    this.#pings.clear();
    this.#closed.resolve();
    this.onClose?.(isOwn ? null : error);
  }
}
