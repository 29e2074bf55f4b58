// Mmtp as the gateway meets it: a REQUEST with a session in, a RESPONSE out.

import assert from 'node:assert/strict';
import { DecodeStatus } from '#core/base/decode-status.ts';
import { OutBuffer } from '#core/base/out-buffer.ts';
import { encodeRequest } from '#core/codec/mmtp/client-request.ts';
import { DynamicTable } from '#core/codec/mmtp/dynamic-table.ts';
import { MmtpFrame, peekFrame } from '#core/codec/mmtp/frame.ts';
import { decodeRequest } from '#core/codec/mmtp/request.ts';
import { decodeResponse, encodeResponse } from '#core/codec/mmtp/response.ts';
import { HEADERS_MAX_DEFAULT, MetaStatus } from '#core/codec/mmtp/types.ts';
import { ContentType, RequestMessage, ResponseMessage } from '#core/codec/message.ts';
import { SESSION_BYTES_MAX } from '#core/codec/session/types.ts';
import { checked, seededBytes, type CorpusCase } from './corpus-case.ts';

const FRAME_BYTES_MAX = 1024 * 1024;
const OPERATION = 'bench.account.get';
const BODY_BYTES = 128;
const ANSWER_BYTES = 256;
const STREAM_ID = 77;

function requestBytes(): Buffer {
  const out = new OutBuffer();
  encodeRequest(out, {
    streamId: STREAM_ID,
    operationType: OPERATION,
    session: seededBytes(SESSION_BYTES_MAX, 'session'),
    contentType: ContentType.protobuf,
    body: seededBytes(BODY_BYTES, 'body'),
  });
  return out.take();
}

function answer(): ResponseMessage {
  const response = new ResponseMessage();
  response.resultCode = 1000;
  response.contentType = ContentType.protobuf;
  response.bodySource = seededBytes(ANSWER_BYTES, 'answer');
  response.bodyLength = ANSWER_BYTES;
  return response;
}

export const mmtpCases: readonly CorpusCase[] = [
  {
    name: 'mmtp request',
    prepare() {
      const bytes = requestBytes();
      const frame = new MmtpFrame();
      const table = new DynamicTable(128);
      const request = new RequestMessage();
      const operation = () => {
        peekFrame(bytes, 0, bytes.length, FRAME_BYTES_MAX, frame);
        decodeRequest(bytes, frame, table, request, HEADERS_MAX_DEFAULT, false);
        return request.sessionLength + request.bodyLength;
      };
      checked(operation, SESSION_BYTES_MAX + BODY_BYTES);
      const { operationOffset, operationLength } = request;
      const name = bytes.latin1Slice(operationOffset, operationOffset + operationLength);
      assert.equal(name, OPERATION);
      return operation;
    },
  },
  {
    name: 'mmtp response',
    prepare() {
      const out = new OutBuffer();
      const response = answer();
      const operation = () => {
        out.length = 0;
        return encodeResponse(out, STREAM_ID, response, null, null);
      };
      const frame = new MmtpFrame();
      const back = new ResponseMessage();
      const length = operation();
      const bytes = Buffer.from(out.bytes.subarray(0, length));
      assert.equal(peekFrame(bytes, 0, length, FRAME_BYTES_MAX, frame), DecodeStatus.ok);
      const status = decodeResponse(bytes, frame, new DynamicTable(0), back, HEADERS_MAX_DEFAULT);
      assert.equal(status, MetaStatus.ok);
      assert.equal(frame.streamId, STREAM_ID);
      assert.deepEqual(bytes.subarray(back.bodyOffset), response.bodySource);
      return checked(operation, length);
    },
  },
];
