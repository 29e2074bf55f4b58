// HOT PATH. From what a handler returns to a response. Handlers are code of others: whatever they
// return is either an answer or a TypeError that says what it should have been.

import { ResultCode } from '#core/base/result-codes.ts';
import { ContentType, type ResponseMessage } from '#core/codec/message.ts';

/** Names of body encodings by `ContentType` number. */
export const CONTENT_TYPE_NAMES = ['json', 'protobuf', 'bytes'] as const;
export type ContentTypeName = (typeof CONTENT_TYPE_NAMES)[number];

/** An answer with more than a body. */
export interface LocalReply {
  /** Text is sent as UTF-8; absent: empty. */
  readonly body?: string | Uint8Array | undefined;
  /** Default: `json` for text, the request's own for bytes. */
  readonly contentType?: ContentTypeName | undefined;
  /** Header hygiene takes out what only the gateway may say. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/**
 * What a handler answers: text is JSON, bytes are of the request's own encoding. Bytes are read
 * before the handler's code runs again, so they may be memory that it uses for every answer.
 */
export type LocalAnswer = string | Uint8Array | LocalReply | null | undefined;

/** RFC 9110, sections 5.1 and 5.5; values in Latin-1 as HTTP carries them. */
const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]{1,256}$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Texts up to a third of this are encoded without allocating. Bytes. */
const SCRATCH_BYTES = 64 * 1024;

/** UTF-8 takes at most this many bytes for a UTF-16 unit. */
const BYTES_PER_UNIT_MAX = 3;

/** SAFETY: an answer is written to the client, or copied, before the next one is made. */
const scratch = Buffer.alloc(SCRATCH_BYTES);

const EMPTY = Buffer.alloc(0);

/**
 * Makes `answer` the successful answer in `response`.
 *
 * @param requestType `ContentType` number of the request
 * @throws TypeError when it is no answer
 */
export function fillAnswer(
  response: ResponseMessage,
  answer: LocalAnswer,
  requestType: number,
): void {
  response.resultCode = ResultCode.success;
  if (typeof answer === 'string') {
    setText(response, answer);
  } else if (answer instanceof Uint8Array) {
    setBytes(response, answer, requestType);
  } else if (typeof answer === 'object' && answer !== null) {
    setReply(response, answer, requestType);
  } else if (answer !== undefined && answer !== null) {
    throw new TypeError(`A handler answered a ${typeof answer}; give text, bytes or { body }`);
  }
}

function setText(response: ResponseMessage, text: string): void {
  response.contentType = ContentType.json;
  const isShort = text.length * BYTES_PER_UNIT_MAX <= SCRATCH_BYTES;
  response.bodySource = isShort ? scratch : Buffer.from(text);
  response.bodyOffset = 0;
  response.bodyLength = isShort ? scratch.utf8Write(text, 0) : response.bodySource.length;
}

function setBytes(response: ResponseMessage, bytes: Uint8Array, contentType: number): void {
  response.contentType = contentType;
  response.bodySource = Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  response.bodyOffset = 0;
  response.bodyLength = bytes.length;
}

function setReply(response: ResponseMessage, reply: LocalReply, requestType: number): void {
  const { body, contentType, headers } = reply;
  if (typeof body === 'string') setText(response, body);
  else if (body instanceof Uint8Array) setBytes(response, body, requestType);
  else if (body !== undefined) {
    throw new TypeError(`A handler answered a body of type ${typeof body}; give text or bytes`);
  }
  if (contentType !== undefined) {
    const number = CONTENT_TYPE_NAMES.indexOf(contentType);
    if (number < 0) {
      const known = CONTENT_TYPE_NAMES.join(', ');
      throw new TypeError(`A handler answered the content type "${contentType}"; one of ${known}`);
    }
    response.contentType = number;
  }
  if (headers !== undefined) setHeaders(response, headers);
}

/** As bytes, like those of any other service, so that hygiene sees them. */
function setHeaders(response: ResponseMessage, headers: Readonly<Record<string, string>>): void {
  let text = '';
  for (const [name, value] of Object.entries(headers)) {
    if (!HEADER_NAME.test(name) || !HEADER_VALUE.test(value)) {
      throw new TypeError(`A handler answered the header "${name}", which is not allowed in HTTP`);
    }
    const nameAt = text.length;
    text += name;
    response.headers.add(nameAt, name.length, text.length, value.length);
    text += value;
  }
  response.headerSource = text === '' ? EMPTY : Buffer.from(text, 'latin1');
}
