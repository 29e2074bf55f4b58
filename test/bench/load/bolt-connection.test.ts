// The Bolt generator's connection finds everything that can be wrong with answers. Written against
// a transport in memory: what the generator sends is decoded, answers are made by hand.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BoltLoadConnection } from '#bench/load/bolt-connection.ts';
import { BoltFrames } from '#bench/load/bolt-frames.ts';
import { Tally } from '#bench/load/tally.ts';
import { TAG_BYTES, TaggedMessage } from '#bench/peers/tagged-message.ts';
import type { Transport } from '#core/base/network.ts';
import { OutBuffer } from '#core/base/out-buffer.ts';
import { appendHeartbeat, ResponseTemplate } from '#core/codec/bolt/encoder.ts';
import { BOLT_V1, ClassName, Codec, Status } from '#core/codec/bolt/types.ts';
import { readRequest } from '../support/recording-service.ts';

const BODY_BYTES = 64;

/** A request as the generator sent it. */
interface Sent {
  readonly id: number;
  readonly tag: string;
}

class Harness {
  readonly tally = new Tally(0);
  readonly connection: BoltLoadConnection;
  readonly out = new OutBuffer();
  isDestroyed = false;
  readyCount = 0;
  readonly #expected = new TaggedMessage('protobuf', BODY_BYTES);

  constructor(streams: number, isClosedLoop = true) {
    const frames = new BoltFrames({
      operationType: 'bench.call',
      format: 'protobuf',
      bodyBytes: BODY_BYTES,
    });
    const { tally } = this;
    const onReady = () => void this.readyCount++;
    const shared = { frames, expected: this.#expected, tally, isClosedLoop, onReady };
    this.connection = new BoltLoadConnection(shared, 3, streams);
    this.connection.opened(this.#transport());
    tally.start(performance.now());
  }

  /** Requests written since the last call. */
  takeSent(): Sent[] {
    let bytes = Buffer.from(this.out.bytes.subarray(0, this.out.length));
    this.out.length = 0;
    const sent: Sent[] = [];
    while (bytes.length > 0) {
      const { frame } = readRequest(bytes)!;
      assert.equal(frame.contentLength, BODY_BYTES);
      const tagAt = frame.contentOffset + this.#expected.tagOffset;
      sent.push({ id: frame.requestId, tag: bytes.latin1Slice(tagAt, tagAt + TAG_BYTES) });
      bytes = bytes.subarray(frame.frameBytes);
    }
    return sent;
  }

  /** @param change of the body that would be right */
  answer(
    { id, tag }: Sent,
    status: number = Status.success,
    change: (body: Buffer) => Buffer = (body) => body,
  ): void {
    const right = Buffer.from(this.#expected.bytes);
    right.write(tag, this.#expected.tagOffset, 'latin1');
    const body = change(right);
    const options = { form: BOLT_V1, codec: Codec.protobuf, className: ClassName.response };
    const out = new OutBuffer();
    new ResponseTemplate({ ...options, headers: [] }, status).append(out, id, body, 0, body.length);
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

function changedLast(body: Buffer): Buffer {
  body[body.length - 1]! ^= 1;
  return body;
}

describe('BoltLoadConnection', () => {
  test('is ready at once and says nothing before its first request', () => {
    const harness = new Harness(1);
    assert.equal(harness.readyCount, 1);
    assert.deepEqual(harness.takeSent(), []);
  });

  test('closed loop: each right answer counts and is followed by the next request', () => {
    const harness = new Harness(2);
    harness.connection.fill(performance.now());
    const open = harness.takeSent();
    const tags = new Set(open.map(({ tag }) => tag));
    const ids = new Set(open.map(({ id }) => id));
    for (let i = 0; i < 50; i++) {
      harness.answer(open[i % 2]!);
      const [next, more] = harness.takeSent();
      assert.equal(more, undefined);
      open[i % 2] = next!;
      tags.add(next!.tag);
      ids.add(next!.id);
    }
    assert.deepEqual(harness.problems(), {});
    assert.equal(harness.tally.result(0).requests, 50);
    assert.equal(harness.connection.streams.count, 2);
    assert.deepEqual([tags.size, ids.size], [52, 52]);
  });

  test('open loop: no request follows an answer', () => {
    const harness = new Harness(4, false);
    harness.connection.send(performance.now());
    harness.answer(harness.takeSent()[0]!);
    assert.deepEqual(harness.takeSent(), []);
    assert.equal(harness.connection.streams.count, 0);
  });

  test('leaves an answer that has not arrived as a whole', () => {
    const harness = new Harness(1);
    harness.connection.fill(performance.now());
    const [sent] = harness.takeSent();
    const options = { form: BOLT_V1, codec: Codec.protobuf, className: ClassName.response };
    const out = new OutBuffer();
    const body = Buffer.alloc(BODY_BYTES);
    const template = new ResponseTemplate({ ...options, headers: [] }, Status.success);
    template.append(out, sent!.id, body, 0, body.length);
    const bytes = out.take();
    for (let end = 0; end < bytes.length; end++) {
      assert.equal(harness.connection.onBytes(bytes, 0, end), 0);
    }
    assert.deepEqual(harness.problems(), {});
  });

  const wrongs: readonly (readonly [
    problem: string,
    spoil: (harness: Harness, sent: Sent) => void,
  ])[] = [
    ['status 6', (harness, sent) => harness.answer(sent, Status.noProcessor)],
    ['wrong body', (harness, sent) => harness.answer({ ...sent, tag: '00000000' })],
    ['wrong body', (harness, sent) => harness.answer(sent, Status.success, changedLast)],
    [
      'wrong body',
      (harness, sent) => harness.answer(sent, Status.success, (body) => body.subarray(0, -1)),
    ],
    ['answer without a request', (harness, sent) => harness.answer({ ...sent, id: 99 })],
    [
      'answer without a request',
      (harness, sent) => {
        harness.connection.isSending = false;
        harness.answer(sent);
        harness.answer(sent);
      },
    ],
    [
      'frame of type 1 with command 0',
      (harness) => {
        const out = new OutBuffer();
        appendHeartbeat(out, BOLT_V1, 1, 1000);
        harness.give(out.take());
      },
    ],
    ['malformed frame', (harness) => harness.give(Buffer.from('HTTP/1.1 400 Bad Request'))],
    ['connection closed ECONNRESET', (harness) => harness.connection.onClose('ECONNRESET')],
  ];
  for (const [index, [problem, spoil]] of wrongs.entries()) {
    test(`complains about "${problem}" (${index})`, () => {
      const harness = new Harness(1);
      harness.connection.fill(performance.now());
      spoil(harness, harness.takeSent()[0]!);
      assert.deepEqual(harness.problems(), { [problem]: 1 });
      assert.equal(harness.isDestroyed, problem === 'malformed frame');
    });
  }

  test('its own end is no problem', () => {
    const harness = new Harness(1);
    harness.connection.end();
    harness.connection.onClose('');
    assert.deepEqual(harness.problems(), {});
    assert.equal(harness.isDestroyed, true);
  });
});
