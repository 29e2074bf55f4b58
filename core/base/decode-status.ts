// What every decoder answers. Peer bytes never throw: they are expected to be wrong sometimes.

/** Result of one decode attempt. */
export const DecodeStatus = {
  /** One unit was decoded. */
  ok: 0,
  /** The unit is not complete yet; nothing was consumed. */
  needMore: 1,
  /** The bytes break the protocol; the connection cannot go on. */
  malformed: 2,
  /** The unit is larger than its limit; the connection cannot go on. */
  tooLarge: 3,
} as const;

export type DecodeStatus = (typeof DecodeStatus)[keyof typeof DecodeStatus];
