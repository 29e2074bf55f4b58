// The floor: it carries what the gateway carries, byte for byte as many, and stands clients that
// send nonsense or leave. It runs under the address sanitizer here, which ends it with an error at
// the first wrong access and for memory that is lost.

import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { buildFloor, floorCommand, floorMissing } from '#bench/floor/floor.ts';
import { createSessions } from '#bench/load/session-pool.ts';
import { OPERATION } from '#bench/rig/gateway-config.ts';
import { Rig } from '#bench/rig/rig.ts';
import { Status } from '#core/codec/bolt/types.ts';
import { ContentType } from '#core/codec/message.ts';
import { encodePing } from '#core/codec/mmtp/control.ts';
import { FrameType } from '#core/codec/mmtp/types.ts';
import { frameBytes, MmtpWire, openMmtp, requestBytes } from '../../integration/mmtp-wire.ts';
import { within } from '../../integration/wait.ts';
import { assertSameRequest, RecordingService } from '../support/recording-service.ts';

const FRAME_BYTES_MAX = 1024 * 1024;
const FIRST_FRAMES = 3;
const SANITIZED = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all'];

/** A floor under the sanitizer. */
class TestFloor {
  port = 0;
  stderr = '';
  readonly #process: ChildProcess;

  constructor(command: readonly string[]) {
    const [program = '', ...argv] = command;
    this.#process = spawn(program, argv, { stdio: 'pipe' });
    this.#process.stderr!.on('data', (text: Buffer) => (this.stderr += text.toString()));
  }

  async ready(): Promise<this> {
    const lines = createInterface({ input: this.#process.stdout! });
    const [line] = (await within(once(lines, 'line'), 'the ready line')) as [string];
    this.port = (JSON.parse(line) as { ports: { mmtp: number } }).ports.mmtp;
    return this;
  }

  /** Closes its standard input; answers its exit code. */
  async end(): Promise<number> {
    const exited = once(this.#process, 'exit');
    this.#process.stdin!.end();
    return (await within(exited, 'the end of the floor'))[0] as number;
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }
}

describe('floor', { skip: floorMissing() ?? false }, () => {
  let rig: Rig;
  let program: string;
  let service: RecordingService;
  let floor: TestFloor;
  let servicePort: number;

  before(async () => {
    rig = new Rig();
    // Some systems have a compiler and no sanitizers; a source that is wrong fails both times.
    program = await buildFloor(rig.directory, SANITIZED).catch(() => buildFloor(rig.directory));
    service = new RecordingService();
    servicePort = await service.listen();
    floor = await new TestFloor(floorCommand(program, servicePort)).ready();
  });

  after(async () => {
    floor.kill();
    service.close();
    await rig.close();
  });

  /** The bytes of one call through a proxy, at the service and at the client. */
  async function callThrough(port: number) {
    const index = service.requests.length;
    const client = await openMmtp(port);
    const [session] = createSessions(rig.keysFile, 1);
    const fields = { session: session!, contentType: ContentType.protobuf };
    client.write(requestBytes(7, OPERATION, '\x0a\x02hi', fields));
    const request = await service.request(index);
    service.answer(request.frame.requestId, Status.success, '\x0a\x05hello');
    const answer = await client.expect(FrameType.response);
    await client.close();
    return { request, answer: answer.bytes };
  }

  test('sends the service and the client what the gateway sends, in as many bytes', async () => {
    const gateway = await rig.startGateway({ upstream: 'bolt', session: 'cold' }, servicePort);
    const byGateway = await callThrough(gateway.port('mmtp'));
    const byFloor = await callThrough(floor.port);
    assert.deepEqual(byFloor.answer, byGateway.answer);
    assertSameRequest(byFloor.request, byGateway.request);
    const { frame, bytes } = byFloor.request;
    const contentEnd = frame.contentOffset + frame.contentLength;
    assert.equal(bytes.latin1Slice(frame.contentOffset, contentEnd), '\x0a\x02hi');
  });

  test('answers each stream with its own answer, in any order', async () => {
    const from = service.requests.length;
    const client = await openMmtp(floor.port);
    for (let i = 0; i < FIRST_FRAMES; i++) client.write(requestBytes(2 * i + 1, OPERATION, `${i}`));
    await service.request(from + FIRST_FRAMES - 1);
    const contents = new Map<number, number>();
    for (const { frame, bytes } of service.requests.slice(from)) {
      contents.set(Number(bytes.latin1Slice(frame.contentOffset)), frame.requestId);
    }
    for (let i = FIRST_FRAMES - 1; i >= 0; i--) {
      const status = i === 0 ? Status.serverException : Status.success;
      service.answer(contents.get(i)!, status, `answer ${i}`);
    }
    const answers = [];
    for (let i = 0; i < FIRST_FRAMES; i++) {
      const { streamId, code, body } = await client.response();
      answers.push([streamId, code, body.toString()]);
    }
    assert.deepEqual(
      answers.toSorted((a, b) => Number(a[0]) - Number(b[0])),
      [
        [1, 4002, ''],
        [3, 1000, 'answer 1'],
        [5, 1000, 'answer 2'],
      ],
    );
    await client.close();
  });

  test('refuses a request without operation type, and answers PING', async () => {
    const client = await openMmtp(floor.port);
    client.write(requestBytes(9, ''));
    assert.equal((await client.response()).code, 3000);
    client.write(frameBytes((out) => encodePing(out, FrameType.ping, Buffer.from('abc'))));
    const { bytes, frame } = await client.expect(FrameType.pong);
    assert.equal(bytes.latin1Slice(frame.bodyOffset, frame.bodyEnd), 'abc');
    await client.close();
  });

  const overrun = requestBytes(1, OPERATION);
  overrun[17] = 0x7f;
  const broken: readonly (readonly [name: string, bytes: Buffer])[] = [
    ['another protocol', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
    ['a length below the header', Buffer.from('4d010000000000000000000f00000000', 'hex')],
    ['a frame above the limit', Buffer.from('4d01050000000001ffffffff00000000', 'hex')],
    ['meta beyond the frame', Buffer.from('4d01050000000001000000100001000000', 'hex')],
    ['a TLV beyond the meta', overrun],
  ];
  for (const [name, bytes] of broken) {
    test(`closes a connection that sends ${name}`, async () => {
      const wire = new MmtpWire(floor.port);
      wire.write(bytes);
      await within(wire.closed, 'the close');
    });
  }

  test('takes a request in single bytes, and a large one', async () => {
    const from = service.requests.length;
    const client = await openMmtp(floor.port);
    for (const byte of requestBytes(1, OPERATION, 'slow')) client.write(Buffer.from([byte]));
    const body = 'x'.repeat(FRAME_BYTES_MAX - 1000);
    client.write(requestBytes(3, OPERATION, body));
    const { frame } = await service.request(from);
    assert.equal(frame.contentLength, 4);
    assert.equal((await service.request(from + 1)).frame.contentLength, body.length);
    await client.close();
  });

  test('drops answers nobody waits for, loses no memory and ends with its input', async () => {
    const from = service.requests.length;
    const gone = await openMmtp(floor.port);
    gone.write(
      requestBytes(1, OPERATION, 'left'),
      requestBytes(3, OPERATION, 'half').subarray(0, 9),
    );
    const { frame } = await service.request(from);
    await gone.close();
    // Twice, and one that nobody asked for.
    for (const id of [frame.requestId, frame.requestId, 0x7fff_ffff]) {
      service.answer(id, Status.success, 'late');
    }
    const client = await openMmtp(floor.port);
    client.write(requestBytes(1, OPERATION, 'next'));
    const next = await service.request(from + 1);
    service.answer(next.frame.requestId, Status.success, 'right');
    assert.equal((await client.response()).body.toString(), 'right');
    await client.close();
    assert.equal(await floor.end(), 0, floor.stderr);
    assert.equal(floor.stderr, '');
  });
});
