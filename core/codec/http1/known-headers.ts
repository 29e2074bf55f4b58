// HOT PATH. Recognises the header names the gateway reads, drops or guards, without making a
// string: one table entry by length and first letter, then a compare of bytes.
// Invariant: a name gets at most one id, and ids are small enough for Uint8Array.

/**
 * Ids of known headers. The name on the wire is the key with every capital letter written as a
 * hyphen and the small letter. Ids up to `LAST_READ` mean something to the head parser itself.
 */
export const HeaderId = {
  unknown: 0,
  connection: 1,
  contentLength: 2,
  transferEncoding: 3,
  host: 4,
  expect: 5,
  upgrade: 6,
  te: 7,
  trailer: 8,
  keepAlive: 9,
  proxyConnection: 10,
  proxyAuthenticate: 11,
  proxyAuthorization: 12,
  http2Settings: 13,
  contentType: 14,
  contentEncoding: 15,
  cookie: 16,
  setCookie: 17,
  date: 18,
  server: 19,
  operationType: 20,
  appid: 21,
  workspaceid: 22,
  version: 23,
  ts: 24,
  sign: 25,
  signtype: 26,
  did: 27,
  mgwSession: 28,
  mgwTrace: 29,
  traceparent: 30,
  tracestate: 31,
  xForwardedFor: 32,
  xForwardedProto: 33,
  xForwardedHost: 34,
  xForwardedPort: 35,
  xRealIp: 36,
  forwarded: 37,
  via: 38,
  resultStatus: 39,
  memo: 40,
  tips: 41,
  serverTiming: 42,
  accept: 43,
  acceptEncoding: 44,
  userAgent: 45,
  authorization: 46,
  cacheControl: 47,
  retryAfter: 48,
  xRequestId: 49,
  /** Every other name that starts with `mgw-` or `mgw_`: servers of the CGI kind mix the two up. */
  mgwOther: 50,
  /**
   * A name with underscores in place of hyphens of one that the gateway drops or writes itself:
   * those servers take it for that one.
   */
  disguised: 51,
} as const;

export type HeaderId = (typeof HeaderId)[keyof typeof HeaderId];

/** The head parser reads the values of headers with ids 1..LAST_READ. */
export const LAST_READ: number = HeaderId.upgrade;

/** Number of ids, `unknown` included. */
export const HEADER_IDS: number = HeaderId.disguised + 1;

const FIRST_LETTERS = 32;

function wireNames(): string[] {
  const names: string[] = [];
  for (const [key, id] of Object.entries(HeaderId)) {
    const isReal = id !== HeaderId.unknown && id < HeaderId.mgwOther;
    names[id] = isReal ? key.replace(/[A-Z]/g, (capital) => '-' + capital.toLowerCase()) : '';
  }
  return names;
}

/** Lower-case names by id; empty for `unknown`, `mgwOther` and `disguised`. */
export const HEADER_NAMES: readonly string[] = wireNames();

const NAME_BYTES_MAX = Math.max(...HEADER_NAMES.map((name) => name.length));

/** All names one after the other, and where each begins: one array to compare against. */
const NAME_TEXT = Buffer.from(HEADER_NAMES.join(''), 'latin1');
const NAME_AT = new Uint16Array(HEADER_IDS);

/** First candidate by length and first letter, and the next candidate after an id; 0 ends. */
const FIRST_CANDIDATE = new Uint8Array((NAME_BYTES_MAX + 1) * FIRST_LETTERS);
const NEXT_CANDIDATE = new Uint8Array(HEADER_IDS);

function slotOf(length: number, first: number): number {
  return length * FIRST_LETTERS + (first & (FIRST_LETTERS - 1));
}

function fillTables(): void {
  let at = 0;
  for (let id = 1; id < HEADER_IDS; id++) {
    const name = HEADER_NAMES[id]!;
    NAME_AT[id] = at;
    at += name.length;
    if (name === '') continue;
    const slot = slotOf(name.length, name.charCodeAt(0));
    NEXT_CANDIDATE[id] = FIRST_CANDIDATE[slot]!;
    FIRST_CANDIDATE[slot] = id;
  }
}

fillTables();

/** What clients say about themselves crosses in any spelling. */
const HARMLESS: readonly number[] = [
  HeaderId.contentEncoding,
  HeaderId.acceptEncoding,
  HeaderId.userAgent,
  HeaderId.cacheControl,
  HeaderId.retryAfter,
  HeaderId.setCookie,
];

const HYPHEN = 0x2d;
const UNDERSCORE = 0x5f;

const PREFIX_BYTES = 4;

function hasGatewayPrefix(bytes: Uint8Array, offset: number, length: number): boolean {
  if (length <= PREFIX_BYTES) return false;
  const separator = bytes[offset + 3]!;
  return (
    (bytes[offset]! | 0x20) === 0x6d &&
    (bytes[offset + 1]! | 0x20) === 0x67 &&
    (bytes[offset + 2]! | 0x20) === 0x77 &&
    (separator === HYPHEN || separator === UNDERSCORE)
  );
}

/** Cold path: the id of a name with an underscore, which no name of the table has. */
function recogniseUnderscored(bytes: Uint8Array, offset: number, length: number): number {
  if (hasGatewayPrefix(bytes, offset, length)) return HeaderId.mgwOther;
  let name = '';
  for (let i = offset; i < offset + length; i++) {
    const byte = bytes[i]!;
    name += String.fromCharCode(byte === UNDERSCORE ? HYPHEN : byte);
  }
  const id = HEADER_NAMES.indexOf(name.toLowerCase());
  return id > 0 && !HARMLESS.includes(id) ? HeaderId.disguised : HeaderId.unknown;
}

/**
 * The id of the header name at `bytes[offset, offset + length)`, ignoring case.
 *
 * @param length 1 or more; the bytes are token characters
 * @returns a {@link HeaderId}; `unknown` for every name that is not in the table
 */
export function recogniseHeader(bytes: Uint8Array, offset: number, length: number): number {
  if (length <= NAME_BYTES_MAX) {
    let id = FIRST_CANDIDATE[slotOf(length, bytes[offset]!)]!;
    while (id !== 0) {
      const name = NAME_AT[id]!;
      let i = 0;
      while (i < length && (bytes[offset + i]! | 0x20) === NAME_TEXT[name + i]) i++;
      if (i === length) return id;
      if (bytes[offset + i] === UNDERSCORE) return recogniseUnderscored(bytes, offset, length);
      id = NEXT_CANDIDATE[id]!;
    }
  }
  return hasGatewayPrefix(bytes, offset, length) ? HeaderId.mgwOther : HeaderId.unknown;
}
