// A scripted Mmtp server for client tests: it answers INIT and hands every other frame to the test.

import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { DecodeStatus } from '#core/base/decode-status.ts';
import { OutBuffer } from '#core/base/out-buffer.ts';
import { RequestMessage, ResponseMessage } from '#core/codec/message.ts';
import * as control from '#core/codec/mmtp/control.ts';
import type { InitAck } from '#core/codec/mmtp/control.ts';
import { DynamicTable } from '#core/codec/mmtp/dynamic-table.ts';
import { MmtpFrame, peekFrame } from '#core/codec/mmtp/frame.ts';
import { headerTexts } from '#core/codec/mmtp/push.ts';
import { decodeRequest } from '#core/codec/mmtp/request.ts';
import { encodeResponse } from '#core/codec/mmtp/response.ts';
import { FrameType } from '#core/codec/mmtp/types.ts';

/** One received frame, in data of its own. */
export interface Received {
  readonly type: number;
  readonly streamId: number;
  readonly flags: number;
  readonly operationType: string;
  readonly session: string;
  readonly timeoutMs: number;
  readonly headers: [name: string, value: string][];
  readonly body: Buffer;
}

export const ACK: InitAck = {
  resultCode: 1000,
  maxStreams: 4096,
  maxFrameBytes: 1 << 20,
  idleTimeoutS: 60,
  reconnectAfterS: 0,
  dictId: 0,
  tableSize: 128,
};

/** The server's side of one connection. */
export class Peer {
  readonly socket: Socket;
  /** Socket reads so far: how the client's output was grouped. */
  reads = 0;
  readonly #table = new DynamicTable(128);
  #unread = Buffer.alloc(0);

  constructor(socket: Socket, ack: InitAck | null, onFrame: (peer: Peer, frame: Received) => void) {
    this.socket = socket;
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      this.reads++;
      this.#unread = Buffer.concat([this.#unread, chunk]);
      for (const received of this.#takeFrames()) {
        if (received.type !== FrameType.init) onFrame(this, received);
        else if (ack !== null) this.write((out) => control.encodeInitAck(out, ack));
      }
    });
  }

  /** Sends what `encode` appends. */
  write(encode: (out: OutBuffer) => void): void {
    const out = new OutBuffer();
    encode(out);
    this.socket.write(out.take());
  }

  /** Sends a RESPONSE. */
  respond(streamId: number, resultCode: number, body: Buffer, flags = 0): void {
    const response = new ResponseMessage();
    response.resultCode = resultCode;
    response.bodySource = body;
    response.bodyLength = body.length;
    response.added.push('x-answer', 'yes');
    const memo = Buffer.from('memo');
    this.write((out) => encodeResponse(out, streamId, response, memo, Buffer.from('tips'), flags));
  }

  #takeFrames(): Received[] {
    const all: Received[] = [];
    const frame = new MmtpFrame();
    const bytes = this.#unread;
    let at = 0;
    while (peekFrame(bytes, at, bytes.length, 1 << 20, frame) === DecodeStatus.ok) {
      const request = new RequestMessage();
      decodeRequest(bytes, frame, this.#table, request, 64, false);
      const { source, operationOffset, operationLength, sessionOffset, sessionLength } = request;
      all.push({
        type: frame.type,
        streamId: frame.streamId,
        flags: frame.flags,
        operationType: source.utf8Slice(operationOffset, operationOffset + operationLength),
        session: request.sessionSource.utf8Slice(sessionOffset, sessionOffset + sessionLength),
        timeoutMs: request.timeoutMs,
        headers: headerTexts(request.headers, source),
        body: Buffer.from(bytes.subarray(frame.bodyOffset, frame.bodyEnd)),
      });
      at += frame.frameBytes;
    }
    this.#unread = bytes.subarray(at);
    return all;
  }
}

/** Listens on a free port; `ack` null leaves INIT unanswered. */
export async function startServer(
  onFrame: (peer: Peer, frame: Received) => void,
  ack: InitAck | null = ACK,
): Promise<{ port: number; peers: Peer[]; stop: () => Promise<void> }> {
  const peers: Peer[] = [];
  const server: Server = createServer((socket) => {
    peers.push(new Peer(socket, ack, onFrame));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const stop = async (): Promise<void> => {
    for (const peer of peers) peer.socket.destroy();
    server.close();
    await once(server, 'close');
  };
  return { port, peers, stop };
}
