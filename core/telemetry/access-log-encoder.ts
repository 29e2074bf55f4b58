// HOT PATH. Writes an access record as one line of JSON, byte by byte: no string, no object.
// The line is pure ASCII: everything else is escaped, so no peer can put control bytes, line breaks
// or terminal sequences into the log. Fields that say nothing are left out.
//
//   {"time":"2026-01-02T03:04:05.678Z","operation":"demo.echo","code":4001,"reason":"GW_TIMEOUT",
//    "protocol":"mmtp","costUs":3000123,"upstreamUs":3000010,"reqBytes":12,"respBytes":0,
//    "trace":"<32 hex>","clientIp":"10.0.0.9","uid":"2088000000000001","group":"demo",
//    "upstream":"app","attempt":1,"session":"ok","generation":"mesh","zone":"rz1","app":"pay"}

import type { AccessRecord } from './access-record.ts';
import type { GatewayIdentity } from './identity.ts';

/** LIMIT: characters kept of any text. Operation types, the longest legal ones, have 128. */
const TEXT_CHARS_MAX = 256;

/** Most bytes that one character becomes: `\u1234`. */
const BYTES_PER_CHAR_MAX = 6;

/** Names, numbers, time and trace id of the longest line, generously. */
const FIXED_BYTES_MAX = 512;

const OPEN_TIME = ascii('{"time":"');
const OPERATION = ascii(',"operation":"');
const CODE = ascii(',"code":');
const REASON = ascii(',"reason":"');
const PROTOCOL = ascii(',"protocol":"');
const COST = ascii(',"costUs":');
const UPSTREAM_COST = ascii(',"upstreamUs":');
const REQUEST_BYTES = ascii(',"reqBytes":');
const RESPONSE_BYTES = ascii(',"respBytes":');
const TRACE = ascii(',"trace":"');
const CLIENT_IP = ascii(',"clientIp":"');
const UID = ascii(',"uid":"');
const GROUP = ascii(',"group":"');
const UPSTREAM = ascii(',"upstream":"');
const ATTEMPT = ascii(',"attempt":');
const SESSION = ascii(',"session":"');

const HEX = ascii('0123456789abcdef');
const TRACE_ID_BYTES = 16;

/** Larger figures read as this one: the largest that JSON readers keep exact. */
const LARGEST = Number.MAX_SAFE_INTEGER;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const DIGIT_0 = 0x30;
const BRACE_CLOSE = 0x7d;
const LINE_FEED = 0x0a;

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

function textChars(text: string): number {
  return text.length < TEXT_CHARS_MAX ? text.length : TEXT_CHARS_MAX;
}

/** Encoder of one thread; it remembers the text of the current second. */
export class AccessLogEncoder {
  #second = -1;
  /** `2026-01-02T03:04:05` of {@link #second}. */
  #secondText: Uint8Array = new Uint8Array(19);
  /** The end of each line, which says whose it is. */
  readonly #identity: Uint8Array;

  /** @param identity null: lines do not say whose they are */
  constructor(identity: GatewayIdentity | null = null) {
    this.#identity = identity === null ? new Uint8Array(0) : identityBytes(identity);
  }

  /** An upper bound of the bytes that `record` becomes. */
  lineBytesMax(record: AccessRecord): number {
    const chars =
      textChars(record.operationType) +
      textChars(record.reasonCode) +
      textChars(record.protocol) +
      textChars(record.clientIp) +
      textChars(record.group) +
      textChars(record.upstreamName) +
      textChars(record.sessionStatus);
    return FIXED_BYTES_MAX + this.#identity.length + chars * BYTES_PER_CHAR_MAX;
  }

  /**
   * Writes the line, with its line feed, at `bytes[at]`; the caller reserved
   * {@link AccessLogEncoder.lineBytesMax}.
   *
   * @returns offset behind the line
   */
  encode(record: AccessRecord, bytes: Buffer, at: number): number {
    let end = putBytes(bytes, at, OPEN_TIME);
    end = this.#putTime(bytes, end, record.wallMs);
    bytes[end++] = QUOTE;
    end = putText(bytes, end, OPERATION, record.operationType);
    end = putNumber(bytes, putBytes(bytes, end, CODE), record.resultCode);
    if (record.reasonCode !== '') end = putText(bytes, end, REASON, record.reasonCode);
    end = putText(bytes, end, PROTOCOL, record.protocol);
    end = putNumber(bytes, putBytes(bytes, end, COST), record.costUs);
    if (record.upstreamCostUs >= 0) {
      end = putNumber(bytes, putBytes(bytes, end, UPSTREAM_COST), record.upstreamCostUs);
    }
    end = putNumber(bytes, putBytes(bytes, end, REQUEST_BYTES), record.requestBytes);
    end = putNumber(bytes, putBytes(bytes, end, RESPONSE_BYTES), record.responseBytes);
    if (record.traceOffset >= 0) {
      end = putBytes(bytes, end, TRACE);
      end = putHex(bytes, end, record.traceSource, record.traceOffset, TRACE_ID_BYTES);
      bytes[end++] = QUOTE;
    }
    if (record.clientIp !== '') end = putText(bytes, end, CLIENT_IP, record.clientIp);
    if (record.uidHigh !== 0 || record.uidLow !== 0) {
      end = putBytes(bytes, end, UID);
      end = putUint64(bytes, end, record.uidHigh, record.uidLow);
      bytes[end++] = QUOTE;
    }
    if (record.group !== '') end = putText(bytes, end, GROUP, record.group);
    if (record.upstreamName !== '') end = putText(bytes, end, UPSTREAM, record.upstreamName);
    if (record.attempt > 0) {
      end = putNumber(bytes, putBytes(bytes, end, ATTEMPT), record.attempt);
    }
    if (record.sessionStatus !== '') end = putText(bytes, end, SESSION, record.sessionStatus);
    end = putBytes(bytes, end, this.#identity);
    bytes[end] = BRACE_CLOSE;
    bytes[end + 1] = LINE_FEED;
    return end + 2;
  }

  #putTime(bytes: Buffer, at: number, wallMs: number): number {
    const second = Math.floor(wallMs / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#secondText = ascii(new Date(second * 1000).toISOString().slice(0, 19));
    }
    let end = putBytes(bytes, at, this.#secondText);
    const ms = Math.floor(wallMs - second * 1000);
    bytes[end++] = 0x2e;
    bytes[end++] = DIGIT_0 + ((ms / 100) | 0);
    bytes[end++] = DIGIT_0 + (((ms / 10) | 0) % 10);
    bytes[end++] = DIGIT_0 + (ms % 10);
    bytes[end++] = 0x5a;
    return end;
  }
}

/** Fields of `identity`, those that say something. Cold path. */
function identityBytes({ generation, zone, app }: GatewayIdentity): Uint8Array {
  const bytes = Buffer.alloc(FIXED_BYTES_MAX + 3 * TEXT_CHARS_MAX * BYTES_PER_CHAR_MAX);
  let end = 0;
  for (const [name, text] of Object.entries({ generation, zone, app })) {
    if (text !== '') end = putText(bytes, end, ascii(`,"${name}":"`), text);
  }
  return Uint8Array.from(bytes.subarray(0, end));
}

/** Short constant texts: a byte loop beats a native copy. */
function putBytes(bytes: Buffer, at: number, source: Uint8Array): number {
  const length = source.length;
  for (let i = 0; i < length; i++) bytes[at + i] = source[i]!;
  return at + length;
}

/** Field name with opening quote, the escaped text, closing quote. */
function putText(bytes: Buffer, at: number, name: Uint8Array, text: string): number {
  let end = putBytes(bytes, at, name);
  const chars = textChars(text);
  for (let i = 0; i < chars; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x20 && unit < 0x7f) {
      if (unit === QUOTE || unit === BACKSLASH) bytes[end++] = BACKSLASH;
      bytes[end++] = unit;
    } else {
      end = putEscaped(bytes, end, unit);
    }
  }
  bytes[end] = QUOTE;
  return end + 1;
}

/** `\u` and four hex digits of one UTF-16 unit. */
function putEscaped(bytes: Buffer, at: number, unit: number): number {
  bytes[at] = BACKSLASH;
  bytes[at + 1] = 0x75;
  bytes[at + 2] = HEX[unit >> 12]!;
  bytes[at + 3] = HEX[(unit >> 8) & 15]!;
  bytes[at + 4] = HEX[(unit >> 4) & 15]!;
  bytes[at + 5] = HEX[unit & 15]!;
  return at + 6;
}

function putHex(bytes: Buffer, at: number, source: Buffer, offset: number, count: number): number {
  for (let i = 0; i < count; i++) {
    const byte = source[offset + i]!;
    bytes[at + 2 * i] = HEX[byte >> 4]!;
    bytes[at + 2 * i + 1] = HEX[byte & 15]!;
  }
  return at + 2 * count;
}

/** A number as a whole decimal: fractions are cut off; what is not above 0, NaN too, reads 0. */
function putNumber(bytes: Buffer, at: number, value: number): number {
  if (value >= 0x80000000) return putLarge(bytes, at, Math.min(Math.floor(value), LARGEST));
  return putSmall(bytes, at, value > 0 ? value | 0 : 0);
}

/** A whole number in [0, 2^53). */
function putLarge(bytes: Buffer, at: number, value: number): number {
  const upper = Math.floor(value / 1e9);
  if (upper === 0) return putDigits(bytes, at, value, digitCount(value));
  const end = putSmall(bytes, at, upper);
  return putDigits(bytes, end, value - upper * 1e9, 9);
}

/** A whole number in [0, 2^31). */
function putSmall(bytes: Buffer, at: number, value: number): number {
  return putDigits(bytes, at, value, digitCount(value));
}

function digitCount(value: number): number {
  let digits = 1;
  for (let limit = 10; digits < 10 && value >= limit; limit *= 10) digits++;
  return digits;
}

/** Exactly `digits` digits of a whole number in [0, 2^31), zeros in front. */
function putDigits(bytes: Buffer, at: number, value: number, digits: number): number {
  let rest = value;
  for (let i = at + digits - 1; i >= at; i--) {
    const next = (rest / 10) | 0;
    bytes[i] = DIGIT_0 + (rest - next * 10);
    rest = next;
  }
  return at + digits;
}

/** 16-bit limbs of the number being divided, most significant first. */
const LIMBS = new Uint32Array(4);
const UINT64_DIGITS_MAX = 20;

/** A 64-bit number, beyond 2^53 by {@link putByLongDivision}. */
function putUint64(bytes: Buffer, at: number, high: number, low: number): number {
  const upper = high >>> 0;
  if (upper < 2 ** 21) return putLarge(bytes, at, upper * 2 ** 32 + (low >>> 0));
  return putByLongDivision(bytes, at, upper, low >>> 0);
}

/** Divides by 10,000, four digits a round, so that every step stays exact. */
function putByLongDivision(bytes: Buffer, at: number, high: number, low: number): number {
  LIMBS[0] = high >>> 16;
  LIMBS[1] = high & 0xffff;
  LIMBS[2] = low >>> 16;
  LIMBS[3] = low & 0xffff;
  for (let group = UINT64_DIGITS_MAX - 4; group >= 0; group -= 4) {
    let rest = 0;
    for (let i = 0; i < 4; i++) {
      const part = rest * 0x10000 + LIMBS[i]!;
      const quotient = (part / 10_000) | 0;
      LIMBS[i] = quotient;
      rest = part - quotient * 10_000;
    }
    putDigits(bytes, at + group, rest, 4);
  }
  let zeros = 0;
  while (zeros < UINT64_DIGITS_MAX - 1 && bytes[at + zeros] === DIGIT_0) zeros++;
  const length = UINT64_DIGITS_MAX - zeros;
  for (let i = 0; i < length; i++) bytes[at + i] = bytes[at + zeros + i]!;
  return at + length;
}
