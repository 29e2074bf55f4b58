// Clients that break the protocol or do not read, on bare sockets: what the promise client would
// never do. Each resolves when the gateway has answered as it must, and rejects otherwise.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { DecodeStatus } from '#core/base/decode-status.ts';
import { OutBuffer } from '#core/base/out-buffer.ts';
import { encodeRequest } from '#core/codec/mmtp/client-request.ts';
import { encodeInit } from '#core/codec/mmtp/control.ts';
import { MmtpFrame, peekFrame } from '#core/codec/mmtp/frame.ts';
import { FrameType } from '#core/codec/mmtp/types.ts';
import { REQUEST_BYTES } from '../peers/peer-flags.ts';
import { HOST } from '../peers/peer-network.ts';
import { TaggedMessage } from '../peers/tagged-message.ts';
import { LARGE_BYTES, SoakOperation } from './soak-config.ts';

const FRAME_BYTES_MAX = 1024 * 1024;

/** LIMIT: how long the gateway may take to answer or to close. */
const ANSWER_MS_MAX = 20_000;

/** Answers that a slow reader asks for before it reads, and how long it does not. */
const LARGE_ANSWERS = 4;
const PAUSE_MS = 300;

/** A frame of another protocol, one that is too long, and meta that overruns its frame. */
const BROKEN_FRAMES: readonly Buffer[] = [
  Buffer.from('GET / HTTP/1.1\r\n\r\n', 'latin1'),
  Buffer.from('4d010500000000017fffffff00000000', 'hex'),
  Buffer.from('4d01050000000001000000100001000000', 'hex'),
];

const BROKEN_HTTP = 'POST /mgw.htm HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 2\r\n\r\n';

const large = new TaggedMessage('json', LARGE_BYTES);
let turn = 0;

/** Sends a broken frame: GOAWAY and the end must follow. */
export async function breakMmtp(port: number): Promise<void> {
  const socket = await open(port);
  turn = (turn + 1) % BROKEN_FRAMES.length;
  socket.write(Buffer.concat([initFrame(), BROKEN_FRAMES[turn]!]));
  const types = framesIn(await readToEnd(socket)).map(({ type }) => type);
  if (types.at(-1) !== FrameType.goaway) throw new Error(`frames ${types.join()} for a broken one`);
}

/** Sends a broken request: 400 and the end must follow. */
export async function breakHttp(port: number): Promise<void> {
  const socket = await open(port);
  socket.write(BROKEN_HTTP);
  const head = (await readToEnd(socket)).toString('latin1', 0, 16);
  if (!head.startsWith('HTTP/1.1 400 ')) throw new Error(`"${head}" for a broken request`);
}

/** Asks for large answers, reads nothing for a while and then everything. */
export async function readSlowly(port: number): Promise<void> {
  const socket = await open(port);
  try {
    socket.pause();
    const out = new OutBuffer();
    for (let i = 0; i < LARGE_ANSWERS; i++) {
      const body = new TaggedMessage('json', REQUEST_BYTES).bytes;
      encodeRequest(out, { streamId: 2 * i + 1, operationType: SoakOperation.large, body });
    }
    socket.write(Buffer.concat([initFrame(), Buffer.from(out.take())]));
    await delay(PAUSE_MS);
    await readAnswers(socket);
  } finally {
    socket.destroy();
  }
}

async function readAnswers(socket: Socket): Promise<void> {
  const parts: Buffer[] = [];
  let count = 0;
  let bytes = 0;
  for await (const part of socket) {
    parts.push(part as Buffer);
    bytes += (part as Buffer).length;
    // Joined only when there can be everything: joining at each part would be quadratic.
    if (bytes < LARGE_ANSWERS * LARGE_BYTES) continue;
    const all = Buffer.concat(parts);
    const answers = framesIn(all).filter(({ type }) => type === FrameType.response);
    count = answers.length;
    if (count < LARGE_ANSWERS) continue;
    const isRight = answers.every(({ bodyOffset, bodyEnd }) =>
      large.equals(all, bodyOffset, bodyEnd - bodyOffset, 0),
    );
    if (!isRight) throw new Error('wrong body for a slow reader');
    return;
  }
  throw new Error(`${count} of ${LARGE_ANSWERS} answers for a slow reader`);
}

async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: HOST, noDelay: true });
  socket.setTimeout(ANSWER_MS_MAX, () => socket.destroy(new Error('no answer in time')));
  await once(socket, 'connect');
  return socket;
}

/** All bytes until the gateway ends; a reset after them is its right. */
async function readToEnd(socket: Socket): Promise<Buffer> {
  const parts: Buffer[] = [];
  try {
    for await (const part of socket) parts.push(part as Buffer);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error;
  } finally {
    socket.destroy();
  }
  return Buffer.concat(parts);
}

/** Whole frames in `bytes`. */
function framesIn(bytes: Buffer): MmtpFrame[] {
  const frames: MmtpFrame[] = [];
  for (let at = 0; at < bytes.length; at += frames.at(-1)!.frameBytes) {
    const frame = new MmtpFrame();
    if (peekFrame(bytes, at, bytes.length, FRAME_BYTES_MAX, frame) !== DecodeStatus.ok) break;
    frames.push(frame);
  }
  return frames;
}

/** INIT of a client that nobody knows. */
export function initFrame(): Buffer {
  const out = new OutBuffer();
  const names = { appId: 'bench', workspaceId: '', deviceId: 'soak' };
  encodeInit(out, { ...names, dictIds: [], maxFrameBytes: 0, tableSize: 0 });
  return Buffer.from(out.take());
}
