// The numbers of Mmtp, version 1: frame types, flags, channels, fields, limits (docs/mmtp.md).
// Invariant: values here are on the wire and never change. Behaviour lives in the files beside.
//
//    0        1        2        3
//   +--------+--------+--------+--------+
//   |  0x4D  |  0x01  |  type  | flags  |   magic 'M', version
//   +--------+--------+--------+--------+
//   |           stream id (u32)         |   client odd, server even, connection-level 0
//   +-----------------------------------+
//   | frame length (u32), header incl.  |
//   +-----------------+--------+--------+
//   | meta length u16 |channel |   0    |   reserved byte: sent 0, ignored
//   +-----------------+--------+--------+
//   | meta: TLVs, exactly meta length bytes
//   | body: the rest

export const FRAME_MAGIC = 0x4d;
export const FRAME_VERSION = 1;
export const FRAME_HEADER_BYTES = 16;

/** Frame types; a receiver skips the ones it does not know. */
export const FrameType = {
  init: 0,
  initAck: 1,
  bind: 2,
  bindAck: 3,
  unbind: 4,
  request: 5,
  response: 6,
  push: 7,
  pushAck: 8,
  ping: 9,
  pong: 10,
  event: 11,
  goaway: 12,
  cancel: 13,
} as const;
export type FrameType = (typeof FrameType)[keyof typeof FrameType];

/** Bits of the flags byte; unknown bits are ignored. */
export const FrameFlag = {
  /** The body is one zstd frame. */
  compressed: 0x01,
  /** The request is safe to repeat and carries REQUEST_ID. */
  canResend: 0x02,
  /** No RESPONSE is wanted. */
  oneway: 0x04,
  urgent: 0x08,
  /** This request is a repetition. */
  resent: 0x10,
} as const;

/** What kind of traffic a frame belongs to. */
export const Channel = { common: 0, rpc: 1, sync: 2, syncDirect: 3, push: 4 } as const;

/** Field numbers of the TLVs in meta; unknown ones are skipped. */
export const Field = {
  operationType: 1,
  appId: 2,
  workspaceId: 3,
  session: 4,
  timestamp: 5,
  sign: 6,
  signType: 7,
  deviceId: 8,
  timeoutMs: 9,
  header: 10,
  resultStatus: 11,
  memo: 12,
  tips: 13,
  trace: 14,
  clientIp: 15,
  dictId: 16,
  maxStreams: 17,
  maxFrameBytes: 18,
  idleTimeoutS: 19,
  reconnectAfterS: 20,
  lastStream: 21,
  eventKind: 22,
  eventDelayS: 23,
  prompt: 24,
  tableSize: 25,
  split: 28,
  attempt: 29,
  bucket: 30,
  requestId: 31,
  contentType: 32,
  define: 64,
  ref: 65,
} as const;

/** What an EVENT tells. */
export const EventKind = { restrict: 1, sessionInvalid: 2, configChanged: 3 } as const;

/** Result of reading the TLVs of one frame. */
export const MetaStatus = {
  ok: 0,
  /** The TLVs themselves are broken: GOAWAY 3002 and close. */
  malformed: 1,
  /** The TLVs are sound, one value is not: this request is refused, the connection lives on. */
  fieldWrong: 2,
} as const;
export type MetaStatus = (typeof MetaStatus)[keyof typeof MetaStatus];

/** LIMIT: largest frame unless configured otherwise; what a mobile call and its answer need. */
export const FRAME_BYTES_MAX_DEFAULT = 1024 * 1024;
/** LIMIT: what the u16 meta length can say; also bounds a meta after REFs were expanded. */
export const META_BYTES_MAX = 0xffff;
/** LIMIT: the operation type is a key of tables and metrics. */
export const OPERATION_TYPE_BYTES_MAX = 128;
/** LIMIT: a compact session has 650 bytes, a legacy one up to 3 KB; this leaves room for both. */
export const SESSION_BYTES_MAX = 8192;
/** LIMIT: a device id is part of what a repeatable request is remembered by. */
export const DEVICE_ID_BYTES_MAX = 256;
/** LIMIT: header TLVs in one message unless configured otherwise. */
export const HEADERS_MAX_DEFAULT = 64;
/** LIMIT: entries of a decoding table when TABLE_SIZE announces nothing else. */
export const TABLE_SIZE_DEFAULT = 128;
/** LIMIT: bytes of remembered TLVs, their type and length bytes included, per table. */
export const TABLE_BYTES_MAX = 16 * 1024;
/** LIMIT: a PING is echoed, so its body must be cheap to echo. */
export const PING_BODY_BYTES_MAX = 64;
/** LIMIT: dictionaries that one INIT can usefully offer; further offers are ignored. */
export const DICT_OFFERS_MAX = 16;
/** Split buckets are 0 .. BUCKETS - 1. */
export const BUCKETS = 10_000;
export const REQUEST_ID_BYTES_MIN = 8;
export const REQUEST_ID_BYTES_MAX = 16;
/** Largest client stream id; after it a client starts again at 1. */
export const STREAM_ID_MAX = 0x7fff_ffff;

/** True for the ids that clients open streams with: odd, at most 2^31 - 1. */
export function isClientStreamId(streamId: number): boolean {
  return (streamId & 1) === 1 && streamId <= STREAM_ID_MAX;
}

/** True for the ids that servers open streams with: even and not 0. */
export function isServerStreamId(streamId: number): boolean {
  return (streamId & 1) === 0 && streamId !== 0;
}
