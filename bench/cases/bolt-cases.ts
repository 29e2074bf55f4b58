// Bolt as the gateway meets it: a response found and judged, a request written from its template.

import assert from 'node:assert/strict';
import { DecodeStatus } from '#core/base/decode-status.ts';
import { OutBuffer } from '#core/base/out-buffer.ts';
import { RequestTemplate, ResponseTemplate } from '#core/codec/bolt/encoder.ts';
import { BoltFrame, peekBolt } from '#core/codec/bolt/frame.ts';
import { boltOutcome } from '#core/codec/bolt/outcome.ts';
import { BOLT_V1, ClassName, Codec, HeaderKey, Status } from '#core/codec/bolt/types.ts';
import { checked, seededBytes, type CorpusCase } from './corpus-case.ts';

const FRAME_BYTES_MAX = 1024 * 1024;
const REQUEST_ID = 4711;
const TIMEOUT_MS = 3000;
const BODY_BYTES = 128;
const ANSWER_BYTES = 256;
const SERVICE = 'com.example.bench.AccountFacade:1.0';

export const boltCases: readonly CorpusCase[] = [
  {
    name: 'bolt response',
    prepare() {
      const out = new OutBuffer();
      const options = { form: BOLT_V1, codec: Codec.protobuf, className: ClassName.response };
      const content = seededBytes(ANSWER_BYTES, 'answer');
      const template = new ResponseTemplate({ ...options, headers: [] }, Status.success);
      template.append(out, REQUEST_ID, content, 0, content.length);
      const bytes = out.take();
      const frame = new BoltFrame();
      const operation = () => {
        const status = peekBolt(bytes, 0, bytes.length, FRAME_BYTES_MAX, frame);
        return boltOutcome(bytes, frame) === null ? frame.requestId + status : -1;
      };
      checked(operation, REQUEST_ID + DecodeStatus.ok);
      assert.deepEqual(bytes.subarray(frame.contentOffset), content);
      return operation;
    },
  },
  {
    name: 'bolt request',
    prepare() {
      const out = new OutBuffer();
      const content = seededBytes(BODY_BYTES, 'body');
      const template = new RequestTemplate({
        form: BOLT_V1,
        codec: Codec.protobuf,
        className: ClassName.request,
        headers: [
          [HeaderKey.service, SERVICE],
          [HeaderKey.targetService, SERVICE],
          [HeaderKey.methodName, 'get'],
        ],
      });
      const operation = () => {
        out.length = 0;
        template.append(out, REQUEST_ID, TIMEOUT_MS, content, 0, content.length);
        return out.length;
      };
      const frame = new BoltFrame();
      const length = operation();
      assert.equal(peekBolt(out.bytes, 0, length, FRAME_BYTES_MAX, frame), DecodeStatus.ok);
      assert.deepEqual(
        [frame.requestId, frame.timeoutMs, frame.contentLength, frame.frameBytes],
        [REQUEST_ID, TIMEOUT_MS, BODY_BYTES, length],
      );
      return checked(operation, length);
    },
  },
];
