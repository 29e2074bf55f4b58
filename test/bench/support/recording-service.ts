// A Bolt service that keeps what it gets and answers what a test tells it to, when it is told to;
// and the comparison of what two proxies have sent it.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { OutBuffer } from '#core/base/out-buffer.ts';
import { ResponseTemplate } from '#core/codec/bolt/encoder.ts';
import { BoltFrame, peekBolt } from '#core/codec/bolt/frame.ts';
import { HeaderMapCursor } from '#core/codec/bolt/header-map.ts';
import { BOLT_V1, ClassName, Codec } from '#core/codec/bolt/types.ts';
import { until } from '../../integration/wait.ts';

const FRAME_BYTES_MAX = 1024 * 1024;

/** Header map entries that say other things and take as many bytes. */
const OF_EQUAL_LENGTH: ReadonlySet<string> = new Set(['traceparent', 'mgw-uid', 'mgw-shard']);

/** A request as it arrived. */
export interface RecordedRequest {
  readonly frame: BoltFrame;
  readonly bytes: Buffer;
}

export class RecordingService {
  readonly requests: RecordedRequest[] = [];
  readonly #server: Server;
  readonly #sockets: Socket[] = [];

  constructor() {
    this.#server = createServer((socket) => {
      let bytes = Buffer.alloc(0);
      this.#sockets.push(socket);
      socket.on('error', () => {});
      socket.on('data', (part: Buffer) => {
        bytes = Buffer.concat([bytes, part]);
        for (;;) {
          const request = readRequest(bytes);
          if (request === null) return;
          this.requests.push(request);
          bytes = bytes.subarray(request.frame.frameBytes);
        }
      });
    });
  }

  async listen(): Promise<number> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening');
    return (this.#server.address() as { readonly port: number }).port;
  }

  /** Answers on every connection: who did not ask has no use for it. */
  answer(requestId: number, status: number, text: string): void {
    const options = { form: BOLT_V1, codec: Codec.protobuf, className: ClassName.response };
    const out = new OutBuffer();
    const body = Buffer.from(text);
    const template = new ResponseTemplate({ ...options, headers: [] }, status);
    template.append(out, requestId, body, 0, body.length);
    const frame = Buffer.from(out.take());
    for (const socket of this.#sockets) socket.write(frame);
  }

  async request(index: number): Promise<RecordedRequest> {
    await until(() => this.requests.length > index, 'a request at the service');
    return this.requests[index]!;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}

/** The request that `bytes` begin with; null when it has not arrived as a whole. */
export function readRequest(bytes: Buffer): RecordedRequest | null {
  const frame = new BoltFrame();
  if (peekBolt(bytes, 0, bytes.length, FRAME_BYTES_MAX, frame) !== 0) return null;
  return { frame, bytes: bytes.subarray(0, frame.frameBytes) };
}

/** Both give a service the same work: as many bytes, the same class, header map and codec. */
export function assertSameRequest(actual: RecordedRequest, expected: RecordedRequest): void {
  assert.equal(actual.bytes.length, expected.bytes.length);
  assert.equal(actual.frame.codec, expected.frame.codec);
  assert.equal(classOf(actual), classOf(expected));
  const entries = entriesOf(actual);
  const wanted = entriesOf(expected);
  assert.deepEqual([...entries.keys()], [...wanted.keys()]);
  for (const [name, value] of wanted) {
    if (OF_EQUAL_LENGTH.has(name)) assert.equal(entries.get(name)!.length, value.length, name);
    else assert.equal(entries.get(name), value);
  }
}

function classOf({ frame, bytes }: RecordedRequest): string {
  return bytes.latin1Slice(frame.classOffset, frame.classOffset + frame.classLength);
}

/** Header map entries by name. */
function entriesOf({ frame, bytes }: RecordedRequest): Map<string, string> {
  const cursor = new HeaderMapCursor();
  const entries = new Map<string, string>();
  cursor.open(bytes, frame.headerOffset, frame.headerLength);
  while (cursor.next()) {
    const { keyOffset, keyLength, valueOffset, valueLength } = cursor;
    const value = bytes.latin1Slice(valueOffset, valueOffset + valueLength);
    entries.set(bytes.latin1Slice(keyOffset, keyOffset + keyLength), value);
  }
  assert.equal(cursor.isMalformed, false);
  return entries;
}
