// The socket transport over real sockets: what handlers are offered, in which order, and what
// reaches the peer. Protocols have tests of their own; here a handler is a few lines.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, test } from 'node:test';
import type { Listener, Transport, TransportHandler } from '#core/base/network.ts';
import { NodeNetwork } from '#core/network.ts';
import { until } from '#test/integration/wait.ts';

const OPTIONS = { highWatermarkBytes: 64 * 1024, backlog: 16 };

/** Keeps what it was offered; `take` says how much of an offer is consumed. */
class Recorder implements TransportHandler {
  readonly events: string[] = [];
  take: (length: number) => number = (length) => length;
  writable = 0;

  onBytes(bytes: Buffer, start: number, end: number): number {
    const used = this.take(end - start);
    this.events.push(bytes.latin1Slice(start, end));
    return used;
  }

  onWritable(): void {
    this.writable++;
  }

  onEnd(): void {
    this.events.push('<end>');
  }

  onClose(error: string): void {
    this.events.push(`<close${error === '' ? '' : ` ${error}`}>`);
  }
}

let listener: Listener | undefined;
let client: Socket | undefined;

async function open(recorder: TransportHandler, limits = {}): Promise<Transport> {
  const network = new NodeNetwork(
    {
      outputBytesMax: 1024 * 1024,
      outputTotalBytesMax: 8 * 1024 * 1024,
      inputTotalBytesMax: 8 * 1024 * 1024,
      ...limits,
    },
    {
      slowReaderClosed: () => {},
      slowSenderClosed: () => {},
      handlerFailed: () => {},
    },
  );
  let transport: Transport | undefined;
  listener = await network.listen({ host: '127.0.0.1', port: 0 }, OPTIONS, (accepted) => {
    transport = accepted;
    return recorder;
  });
  client = connect({ port: listener.port, host: '127.0.0.1', noDelay: true });
  client.on('error', () => {});
  await once(client, 'connect');
  await until(() => transport !== undefined, 'the connection is accepted');
  return transport!;
}

afterEach(async () => {
  client?.destroy();
  await listener?.close();
});

describe('NodeNetwork', () => {
  test('offers what was not consumed again, with what came after it', async () => {
    const recorder = new Recorder();
    recorder.take = (length) => (length < 6 ? 0 : length);
    const transport = await open(recorder);
    client!.write('abc');
    await until(() => recorder.events.length === 1, 'the first bytes');
    assert.equal(transport.unconsumedBytes, 3);
    client!.write('defghi');
    await until(() => recorder.events.length === 2, 'all bytes');
    assert.deepEqual(recorder.events, ['abc', 'abcdefghi']);
    assert.equal(transport.unconsumedBytes, 0);
  });

  test('tells the end of the input only after the kept bytes were offered once more', async () => {
    const recorder = new Recorder();
    recorder.take = () => 0;
    await open(recorder);
    client!.end('tail');
    await until(() => recorder.events.includes('<end>'), 'the end');
    assert.deepEqual(recorder.events, ['tail', 'tail', '<end>']);
  });

  test('holds bytes back while reading is paused, until every brake is off', async () => {
    const recorder = new Recorder();
    const transport = await open(recorder);
    transport.pauseReading();
    transport.pauseReading();
    client!.write('held');
    transport.resumeReading();
    assert.equal(transport.isReadPaused, true);
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(recorder.events, []);
    transport.resumeReading();
    await until(() => recorder.events.length === 1, 'the bytes');
    assert.deepEqual(recorder.events, ['held']);
  });

  test('lets others have their turn when a connection always has more', async () => {
    const TOTAL = 8 * 1024 * 1024;
    let bytes = 0;
    let turnBytes = 0;
    let turnBytesMax = 0;
    const recorder = new Recorder();
    recorder.take = (length) => {
      bytes += length;
      turnBytes += length;
      turnBytesMax = Math.max(turnBytesMax, turnBytes);
      return length;
    };
    const transport = await open(recorder);
    transport.pauseReading();
    client!.write(Buffer.alloc(TOTAL));
    await until(() => client!.writableLength < TOTAL || client!.bytesWritten > 0, 'the kernel');
    const endTurn = (): void => {
      turnBytes = 0;
      if (bytes < TOTAL) setImmediate(endTurn);
    };
    transport.resumeReading();
    endTurn();
    await until(() => bytes === TOTAL, 'all bytes');
    assert.ok(turnBytesMax <= 512 * 1024, `${turnBytesMax} bytes in one turn`);
  });

  test('sends what one turn wrote as one piece, and ends after it', async () => {
    const transport = await open(new Recorder());
    const pieces: string[] = [];
    client!.on('data', (chunk: Buffer) => pieces.push(chunk.toString()));
    for (const text of ['one ', 'two ', 'three']) {
      transport.out.appendLatin1(text);
      transport.flushSoon();
    }
    transport.end(1000);
    await once(client!, 'end');
    assert.deepEqual(pieces, ['one two three']);
  });

  test('closes a connection whose peer takes nothing, at its limit', async () => {
    const recorder = new Recorder();
    const transport = await open(recorder);
    client!.pause();
    const block = Buffer.alloc(256 * 1024);
    const isClosed = (): boolean => recorder.events.some((event) => event.startsWith('<close'));
    // LIMIT: what kernel buffers may take before anything queues up here.
    for (let sent = 0; !isClosed() && sent < 256; sent++) {
      transport.out.append(block, 0, block.length);
      transport.flushSoon();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(isClosed, 'the close');
    assert.deepEqual(recorder.events, ['<close ESLOWREADER>']);
  });

  test('tells what the kernel takes while a large write is under way', async () => {
    const TOTAL = 24 * 1024 * 1024;
    const recorder = new Recorder();
    const transport = await open(recorder, {
      outputBytesMax: 2 * TOTAL,
      outputTotalBytesMax: TOTAL,
    });
    client!.pause();
    assert.equal(transport.takenBytes, 0);
    transport.out.append(Buffer.alloc(TOTAL), 0, TOTAL);
    assert.equal(transport.queuedBytes, TOTAL);
    transport.flushSoon();
    await until(() => transport.takenBytes > 0, 'the kernel takes some');
    assert.ok(transport.queuedBytes > 0);
    const before = transport.takenBytes;
    let read = 0;
    let readMax = TOTAL / 2;
    client!.on('data', (chunk: Buffer) => {
      read += chunk.length;
      if (read > readMax) client!.pause();
    });
    client!.resume();
    await until(() => transport.takenBytes > before, 'the kernel takes more');
    await until(() => read > readMax, 'half of it');
    assert.ok(transport.takenBytes > TOTAL / 2);
    assert.equal(transport.queuedBytes, TOTAL - transport.takenBytes);
    assert.equal(recorder.writable, 0);
    readMax = TOTAL;
    client!.resume();
    await until(() => recorder.writable === 1, 'the rest');
    assert.equal(transport.takenBytes, TOTAL);
    assert.equal(transport.queuedBytes, 0);
  });

  test('contains a handler that throws: its connection closes, the listener goes on', async () => {
    const recorder = new Recorder();
    recorder.take = () => {
      throw new Error('fault of the handler');
    };
    await open(recorder);
    client!.write('x');
    await until(() => recorder.events.includes('<close EHANDLER>'), 'the close');
    const second = connect({ port: listener!.port, host: '127.0.0.1' });
    await once(second, 'connect');
    second.destroy();
  });
});
