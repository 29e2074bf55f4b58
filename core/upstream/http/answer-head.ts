// HOT PATH. From the head of a service's answer to the response message. Sockets and the body are
// left to the connection.

import { ResultCode } from '#core/base/result-codes.ts';
import { HeaderId } from '#core/codec/http1/known-headers.ts';
import { parseMediaType } from '#core/codec/http1/media-type.ts';
import type { HttpHead } from '#core/codec/http1/types.ts';
import { ContentType, HEADER_WORDS } from '#core/codec/message.ts';
import type { UpstreamCall } from '../contract.ts';
import { httpOutcome } from './status.ts';

/**
 * Takes status, headers and content type of the answer over into `call.response`.
 *
 * @param bytes holds the head; `response` keeps views of it
 */
export function fillAnswerHead(call: UpstreamCall, bytes: Buffer, head: HttpHead): void {
  const { response } = call;
  response.httpStatus = head.status;
  response.headerSource = bytes;
  response.headers.copyFrom(head.headers);
  const index = head.known[HeaderId.contentType]!;
  if (index < 0) {
    response.contentType = ContentType.bytes;
  } else {
    const { words } = head.headers;
    const at = index * HEADER_WORDS;
    response.contentType = parseMediaType(bytes, words[at + 2]!, words[at + 3]!);
  }
  const error = httpOutcome(head.status);
  if (error === null) response.resultCode = ResultCode.success;
  else call.refuse(error);
}
