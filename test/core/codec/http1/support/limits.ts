// Limits wide enough for every case that is not about limits.

import type { HttpLimits } from '#core/codec/http1/types.ts';

export const LIMITS: HttpLimits = {
  headBytesMax: 16 * 1024,
  headersMax: 64,
  bodyBytesMax: 1024 * 1024,
  chunkLineBytesMax: 256,
  trailerBytesMax: 1024,
};
