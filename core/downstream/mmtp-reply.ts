// HOT PATH. From an answer to a RESPONSE frame: texts for everything but success, and a frame that
// the client can take whatever the service sent.

import type { OutBuffer } from '#core/base/out-buffer.ts';
import { ResultCode, type Language } from '#core/base/result-codes.ts';
import { ResponseMessage } from '#core/codec/message.ts';
import { encodeInitAck } from '#core/codec/mmtp/control.ts';
import { encodeResponse } from '#core/codec/mmtp/response.ts';
import { TABLE_SIZE_DEFAULT } from '#core/codec/mmtp/types.ts';
import type { DownstreamSettings } from './contract.ts';
import { encodedResult, encodeResult } from './result-texts.ts';

const bare = new ResponseMessage();

/** The answer to a request without an exchange; good until the next one. */
export function bareResponse(resultCode: number): ResponseMessage {
  bare.reset();
  bare.resultCode = resultCode;
  return bare;
}

/** Appends INIT_ACK with the limits of the connection. */
export function appendInitAck(out: OutBuffer, settings: DownstreamSettings): void {
  encodeInitAck(out, {
    resultCode: ResultCode.success,
    maxStreams: settings.streamsMax,
    maxFrameBytes: settings.frameBytesMax,
    idleTimeoutS: Math.ceil(settings.mmtpIdleTimeoutMs / 1000),
    reconnectAfterS: 0,
    dictId: 0,
    tableSize: TABLE_SIZE_DEFAULT,
  });
}

/**
 * Appends `response` to the request on `streamId`.
 *
 * An answer that does not fit is replaced by 4002 without a body: the client gets the reason
 * instead of nothing.
 *
 * @param frameBytesMax largest frame the client takes; 0: it did not say
 */
export function appendMmtpReply(
  out: OutBuffer,
  streamId: number,
  response: ResponseMessage,
  language: Language,
  frameBytesMax: number,
): void {
  if (response.resultCode === ResultCode.success) {
    if (tryAppend(out, streamId, response, null, null, frameBytesMax)) return;
    response.reset();
    response.resultCode = ResultCode.backendFailed;
  }
  const { resultCode, memo, tips } = response;
  const hasOwnTexts = memo !== '' || tips !== '';
  const texts = hasOwnTexts
    ? encodeResult(resultCode, 0, memo, tips)
    : encodedResult(resultCode, language);
  if (tryAppend(out, streamId, response, texts.memo, texts.tips, frameBytesMax)) return;
  response.reset();
  response.resultCode = resultCode;
  encodeResponse(out, streamId, response, null, null);
}

/** False, and nothing is appended, when the frame is too large for Mmtp or for the client. */
function tryAppend(
  out: OutBuffer,
  streamId: number,
  response: ResponseMessage,
  memo: Buffer | null,
  tips: Buffer | null,
  frameBytesMax: number,
): boolean {
  const start = out.length;
  const written = encodeResponse(out, streamId, response, memo, tips);
  if (written > 0 && (frameBytesMax === 0 || written <= frameBytesMax)) return true;
  out.length = start;
  return false;
}
