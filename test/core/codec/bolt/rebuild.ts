// Writes a decoded frame again through the encoder, part by part, so that tests can compare bytes.

import { OutBuffer } from '#core/base/out-buffer.ts';
import {
  appendHeartbeat,
  appendHeartbeatAck,
  RequestTemplate,
  ResponseTemplate,
} from '#core/codec/bolt/encoder.ts';
import type { BoltFrame } from '#core/codec/bolt/frame.ts';
import { HeaderMapCursor } from '#core/codec/bolt/header-map.ts';
import {
  BOLT_V1,
  BOLT_V2,
  BOLT_V2_CRC,
  BOLT_V2_VER2,
  CommandCode,
  CommandType,
  type BoltForm,
} from '#core/codec/bolt/types.ts';

/** The form of a frame. */
export function formOf(frame: BoltFrame): BoltForm {
  if (frame.version === 1) return BOLT_V1;
  if (frame.ver1 === 1) return BOLT_V2;
  return frame.hasCrc ? BOLT_V2_CRC : BOLT_V2_VER2;
}

/** The entries of the frame's header map. */
export function headersOf(bytes: Buffer, frame: BoltFrame): [string, string | null][] {
  const entries: [string, string | null][] = [];
  const cursor = new HeaderMapCursor();
  cursor.open(bytes, frame.headerOffset, frame.headerLength);
  while (cursor.next()) {
    const key = bytes.toString('utf8', cursor.keyOffset, cursor.keyOffset + cursor.keyLength);
    const to = cursor.valueOffset + cursor.valueLength;
    entries.push([
      key,
      cursor.valueLength < 0 ? null : bytes.toString('utf8', cursor.valueOffset, to),
    ]);
  }
  if (cursor.isMalformed) throw new Error('the header map is malformed');
  return entries;
}

/** The same frame as the encoder writes it. */
export function rebuild(bytes: Buffer, frame: BoltFrame): Buffer {
  const out = new OutBuffer();
  const form = formOf(frame);
  if (frame.command === CommandCode.heartbeat && frame.type === CommandType.response) {
    appendHeartbeatAck(out, form, frame.requestId);
    return out.take();
  }
  if (frame.command === CommandCode.heartbeat) {
    appendHeartbeat(out, form, frame.requestId, frame.timeoutMs);
    return out.take();
  }
  const classEnd = frame.classOffset + frame.classLength;
  const options = {
    form,
    codec: frame.codec,
    className: bytes.toString('utf8', frame.classOffset, classEnd),
    headers: headersOf(bytes, frame),
  };
  if (frame.type === CommandType.response) {
    const template = new ResponseTemplate(options, frame.status);
    template.append(out, frame.requestId, bytes, frame.contentOffset, frame.contentLength);
    return out.take();
  }
  const template = new RequestTemplate(options);
  const isOneway = frame.type === CommandType.oneway;
  const start = template.begin(out, frame.requestId, frame.timeoutMs, isOneway);
  template.finish(out, start, bytes, frame.contentOffset, frame.contentLength);
  return out.take();
}
