// The generator's connection finds everything that can be wrong with answers. Written against a
// transport in memory: what the generator sends is decoded, answers are made by hand.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MmtpLoadConnection } from '#bench/load/mmtp-connection.ts';
import { RequestFrames } from '#bench/load/request-frames.ts';
import { Tally } from '#bench/load/tally.ts';
import { TAG_BYTES, TaggedMessage } from '#bench/peers/tagged-message.ts';
import type { Transport } from '#core/base/network.ts';
import { OutBuffer } from '#core/base/out-buffer.ts';
import { encodeInitAck } from '#core/codec/mmtp/control.ts';
import { DynamicTable } from '#core/codec/mmtp/dynamic-table.ts';
import { MmtpFrame, peekFrame } from '#core/codec/mmtp/frame.ts';
import { decodeRequest } from '#core/codec/mmtp/request.ts';
import { encodeResponse } from '#core/codec/mmtp/response.ts';
import { FrameType } from '#core/codec/mmtp/types.ts';
import { RequestMessage, ResponseMessage } from '#core/codec/message.ts';

const BODY_BYTES = 64;
const FRAME_BYTES_MAX = 65_536;

/** A request as the generator sent it. */
interface Sent {
  readonly streamId: number;
  readonly tag: string;
  readonly session: Buffer;
}

class Harness {
  readonly tally = new Tally(0);
  readonly connection: MmtpLoadConnection;
  readonly out = new OutBuffer();
  isDestroyed = false;
  readyCount = 0;
  readonly #expected = new TaggedMessage('json', BODY_BYTES);

  constructor(streams: number, isClosedLoop: boolean, sessions: readonly Buffer[] = []) {
    const frames = new RequestFrames({
      operationType: 'bench.call',
      sessions,
      format: 'json',
      bodyBytes: BODY_BYTES,
    });
    const onReady = () => void this.readyCount++;
    const { tally } = this;
    const shared = { frames, expected: this.#expected, tally, isClosedLoop, onReady };
    this.connection = new MmtpLoadConnection(shared, 3, streams);
    this.connection.opened(this.#transport());
    assert.equal(this.takeSent().length, 0);
    tally.start(performance.now());
  }

  /** Requests written since the last call; frames of other types are left out. */
  takeSent(): Sent[] {
    const bytes = Buffer.from(this.out.bytes.subarray(0, this.out.length));
    this.out.length = 0;
    const frame = new MmtpFrame();
    const request = new RequestMessage();
    const sent: Sent[] = [];
    for (let at = 0; at < bytes.length; at += frame.frameBytes) {
      assert.equal(peekFrame(bytes, at, bytes.length, FRAME_BYTES_MAX, frame), 0);
      if (frame.type !== FrameType.request) continue;
      assert.equal(decodeRequest(bytes, frame, new DynamicTable(0), request, 8, false), 0);
      const tagAt = request.bodyOffset + this.#expected.tagOffset;
      const sessionEnd = request.sessionOffset + request.sessionLength;
      sent.push({
        streamId: frame.streamId,
        tag: bytes.latin1Slice(tagAt, tagAt + TAG_BYTES),
        session: bytes.subarray(request.sessionOffset, sessionEnd),
      });
    }
    return sent;
  }

  answer(streamId: number, tag: string, change: (response: ResponseMessage) => void = () => {}) {
    const response = new ResponseMessage();
    response.resultCode = 1000;
    response.bodySource = Buffer.from(this.#expected.bytes);
    response.bodySource.write(tag, this.#expected.tagOffset, 'latin1');
    response.bodyLength = BODY_BYTES;
    change(response);
    const out = new OutBuffer();
    encodeResponse(out, streamId, response, null, null);
    this.give(out.take());
  }

  give(bytes: Buffer): void {
    assert.equal(this.connection.onBytes(bytes, 0, bytes.length), bytes.length);
  }

  problems(): Readonly<Record<string, number>> {
    this.tally.end(performance.now() + 1);
    return this.tally.result(this.connection.streams.count).problems;
  }

  #transport(): Transport {
    const partial: Partial<Transport> = {
      out: this.out,
      flushSoon: () => {},
      destroy: () => {
        this.isDestroyed = true;
      },
    };
    return partial as Transport;
  }
}

describe('MmtpLoadConnection', () => {
  test('is ready after INIT_ACK 1000 and complains about a refusal', () => {
    const ack = { maxStreams: 1, maxFrameBytes: 1, idleTimeoutS: 1, reconnectAfterS: 0, dictId: 0 };
    for (const resultCode of [1000, 2000]) {
      const harness = new Harness(1, true);
      const out = new OutBuffer();
      encodeInitAck(out, { ...ack, resultCode, tableSize: 0 });
      harness.give(out.take());
      assert.equal(harness.readyCount, resultCode === 1000 ? 1 : 0);
      assert.equal(harness.tally.wrong, resultCode === 1000 ? 0 : 1);
    }
  });

  test('closed loop: each right answer counts and is followed by the next request', () => {
    const harness = new Harness(2, true);
    harness.connection.fill(performance.now());
    let sent = harness.takeSent();
    assert.deepEqual(
      sent.map(({ streamId }) => streamId),
      [1, 3],
    );
    for (let i = 0; i < 50; i++) {
      const { streamId, tag } = sent[i % 2]!;
      harness.answer(streamId, tag);
      const next = harness.takeSent();
      assert.equal(next.length, 1);
      sent = i % 2 === 0 ? [next[0]!, sent[1]!] : [sent[0]!, next[0]!];
    }
    assert.deepEqual(harness.problems(), {});
    assert.equal(harness.tally.result(0).requests, 50);
    assert.equal(harness.connection.streams.count, 2);
  });

  test('open loop: no request follows an answer', () => {
    const harness = new Harness(4, false);
    harness.connection.send(performance.now());
    const [first] = harness.takeSent();
    harness.answer(first!.streamId, first!.tag);
    assert.equal(harness.takeSent().length, 0);
    assert.equal(harness.connection.streams.count, 0);
  });

  test('walks the pool of sessions: none comes twice before all came', () => {
    const sessions = Array.from({ length: 5 }, (_, index) => Buffer.alloc(84, index));
    const harness = new Harness(10, true, sessions);
    harness.connection.fill(performance.now());
    const used = harness.takeSent().map(({ session }) => session[0]!);
    assert.deepEqual(used, [0, 1, 2, 3, 4, 0, 1, 2, 3, 4]);
  });

  const wrongs: readonly (readonly [
    problem: string,
    spoil: (harness: Harness, sent: Sent) => void,
  ])[] = [
    [
      'result 2000',
      (harness, { streamId, tag }) =>
        harness.answer(streamId, tag, (response) => {
          response.resultCode = 2000;
        }),
    ],
    ['wrong body', (harness, { streamId }) => harness.answer(streamId, '00000000')],
    [
      'wrong body',
      (harness, { streamId, tag }) =>
        harness.answer(streamId, tag, (response) => {
          response.bodySource[BODY_BYTES - 1]! ^= 1;
        }),
    ],
    [
      'wrong body',
      (harness, { streamId, tag }) =>
        harness.answer(streamId, tag, (response) => {
          response.bodyLength--;
        }),
    ],
    ['answer without a request', (harness, { tag }) => harness.answer(99, tag)],
    [
      'answer without a request',
      (harness, { streamId, tag }) => {
        harness.connection.isSending = false;
        harness.answer(streamId, tag);
        harness.answer(streamId, tag);
      },
    ],
    ['malformed frame', (harness) => harness.give(Buffer.from('HTTP/1.1 400 Bad Request'))],
    ['connection closed ECONNRESET', (harness) => harness.connection.onClose('ECONNRESET')],
  ];
  for (const [index, [problem, spoil]] of wrongs.entries()) {
    test(`complains about "${problem}" (${index})`, () => {
      const harness = new Harness(1, true);
      harness.connection.fill(performance.now());
      spoil(harness, harness.takeSent()[0]!);
      assert.deepEqual(harness.problems(), { [problem]: 1 });
    });
  }
});
