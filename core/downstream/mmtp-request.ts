// HOT PATH. What a decoded REQUEST still lacks: what its connection knows, and a plain body.

import type { Kernels } from '#core/codec/kernels.ts';
import type { RequestMessage } from '#core/codec/message.ts';
import { decompressBody } from '#core/codec/mmtp/body.ts';
import { FrameFlag } from '#core/codec/mmtp/types.ts';

/**
 * Fills what the request leaves to its connection.
 *
 * @param clientIp address of the peer, for a request that brings no trusted one
 * @param session session of BIND; empty: not bound
 * @param device device of INIT; empty: not told
 */
export function fillFromConnection(
  request: RequestMessage,
  clientIp: string,
  session: Buffer,
  device: Buffer,
): void {
  if (request.clientIp === '') request.clientIp = clientIp;
  if (request.sessionLength === 0 && session.length > 0) {
    request.sessionSource = session;
    request.sessionOffset = 0;
    request.sessionLength = session.length;
  }
  if (request.deviceIdLength === 0 && device.length > 0) {
    request.deviceSource = device;
    request.deviceIdOffset = 0;
    request.deviceIdLength = device.length;
  }
}

/**
 * Replaces a COMPRESSED body by its content, leaves a plain one; false when it is broken or too
 * large.
 *
 * @param bytesMax largest content
 */
export function tryDecompress(
  request: RequestMessage,
  bytesMax: number,
  kernels: Pick<Kernels, 'zstdDecompress'>,
): boolean {
  if ((request.flags & FrameFlag.compressed) === 0) return true;
  const { bodySource, bodyOffset, bodyLength } = request;
  const body = decompressBody(bodySource, bodyOffset, bodyLength, bytesMax, null, kernels);
  if (typeof body === 'string') return false;
  request.setBody(body, 0, body.length);
  return true;
}
