// HOT PATH. REQUEST frames of a generator, encoded before the first is sent: one a session, so that
// a request costs one copy. The pool is walked in order: no session comes twice before all came.

import type { OutBuffer } from '#core/base/out-buffer.ts';
import { RequestTemplate } from '#core/codec/mmtp/client-request.ts';
import { ContentType } from '#core/codec/message.ts';
import { TaggedMessage, writeTag, type MessageFormat } from '../peers/tagged-message.ts';

/** What requests consist of. */
export interface RequestFrameOptions {
  readonly operationType: string;
  /** Raw sessions; none: requests have no session. */
  readonly sessions: readonly Buffer[];
  readonly format: MessageFormat;
  readonly bodyBytes: number;
}

/** Requests ready to be copied. */
export class RequestFrames {
  readonly #templates: readonly RequestTemplate[];
  readonly #bodyBytes: number;
  readonly #tagOffset: number;
  #next = 0;

  constructor({ operationType, sessions, format, bodyBytes }: RequestFrameOptions) {
    const message = new TaggedMessage(format, bodyBytes);
    const contentType = format === 'protobuf' ? ContentType.protobuf : ContentType.json;
    const fields = { operationType, contentType, body: message.bytes };
    this.#templates =
      sessions.length === 0
        ? [new RequestTemplate(fields)]
        : sessions.map((session) => new RequestTemplate({ ...fields, session }));
    this.#bodyBytes = bodyBytes;
    this.#tagOffset = message.tagOffset;
  }

  /** Appends the request with the next session on stream `streamId`. */
  append(out: OutBuffer, streamId: number, tag: number): void {
    this.#templates[this.#next]!.append(out, streamId);
    this.#next = this.#next + 1 === this.#templates.length ? 0 : this.#next + 1;
    writeTag(out.bytes, out.length - this.#bodyBytes + this.#tagOffset, tag);
  }
}
