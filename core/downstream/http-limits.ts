// What a client may send over HTTP/1.1: the codec's limits, made of the listener's settings.

import type { HttpLimits } from '#core/codec/http1/types.ts';
import type { DownstreamSettings } from './contract.ts';

/** LIMIT: chunk line, extensions and trailers; nobody needs more and none of it is passed on. */
const CHUNK_LINE_BYTES_MAX = 1024;
const TRAILER_BYTES_MAX = 8192;

const limitsOf = new WeakMap<DownstreamSettings, HttpLimits>();

/** One object for all connections of a listener. */
export function httpLimits(settings: DownstreamSettings): HttpLimits {
  let limits = limitsOf.get(settings);
  if (limits === undefined) {
    limits = {
      headBytesMax: settings.headerBytesMax,
      headersMax: settings.headersMax,
      bodyBytesMax: settings.frameBytesMax,
      chunkLineBytesMax: CHUNK_LINE_BYTES_MAX,
      trailerBytesMax: TRAILER_BYTES_MAX,
    };
    limitsOf.set(settings, limits);
  }
  return limits;
}
