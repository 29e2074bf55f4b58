// What a COMPRESSED request still lacks once its API, its session and its limits allow it: a plain
// body. Until then nobody has paid for more than the bytes that came.

import type { Kernels } from '#core/codec/kernels.ts';
import type { RequestMessage } from '#core/codec/message.ts';
import { decompressBody } from '#core/codec/mmtp/body.ts';
import { FrameFlag } from '#core/codec/mmtp/types.ts';

/** Is the body still as its client packed it? */
export function isCompressed(request: RequestMessage): boolean {
  return (request.flags & FrameFlag.compressed) !== 0;
}

/**
 * Replaces a COMPRESSED body by its content, in memory of its own, and takes the flag away; false
 * when the body is broken or too large.
 *
 * @param bytesMax largest content
 */
export function inflateBody(
  request: RequestMessage,
  bytesMax: number,
  kernels: Pick<Kernels, 'zstdDecompress'>,
): boolean {
  const { bodySource, bodyOffset, bodyLength } = request;
  const body = decompressBody(bodySource, bodyOffset, bodyLength, bytesMax, null, kernels);
  if (typeof body === 'string') return false;
  request.setBody(body, 0, body.length);
  request.flags &= ~FrameFlag.compressed;
  return true;
}
