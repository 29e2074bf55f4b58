// HOT PATH. Header hygiene both ways: hop-by-hop headers and those that Connection lists never
// cross, headers of the gateway itself cannot be forged by a client or a service, framing headers
// are left to the encoders, the session stays here. Then the API's own header rules. Lists are
// compacted in place; the bytes are untouched but for a session cookie, which is cut out of its
// header.

import { HEADER_IDS, HeaderId, recogniseHeader } from '#core/codec/http1/known-headers.ts';
import {
  ContentType,
  DownstreamProtocol,
  HEADER_WORDS,
  type HeaderList,
} from '#core/codec/message.ts';
import type { HeaderRules } from '../../api.ts';
import type { Exchange } from '../../exchange.ts';
import { FilterStatus, type FilterFactory } from '../../filter.ts';
import { cutSessionCookie } from './session-cookie.ts';

/** RFC 9110 section 7.6.1, and framing, which belongs to each hop's own codec. */
const HOP_BY_HOP: readonly number[] = [
  HeaderId.connection,
  HeaderId.keepAlive,
  HeaderId.proxyConnection,
  HeaderId.proxyAuthenticate,
  HeaderId.proxyAuthorization,
  HeaderId.te,
  HeaderId.trailer,
  HeaderId.transferEncoding,
  HeaderId.upgrade,
  HeaderId.http2Settings,
  HeaderId.contentLength,
];

/** What only the gateway may say. */
const GATEWAY_OWN: readonly number[] = [
  HeaderId.mgwSession,
  HeaderId.mgwTrace,
  HeaderId.mgwOther,
  HeaderId.disguised,
  HeaderId.resultStatus,
  HeaderId.memo,
  HeaderId.tips,
];

/** Requests: written anew for the hop to the service. */
const REWRITTEN: readonly number[] = [
  HeaderId.host,
  HeaderId.expect,
  HeaderId.operationType,
  HeaderId.traceparent,
  HeaderId.xForwardedFor,
  HeaderId.xForwardedProto,
  HeaderId.xForwardedHost,
  HeaderId.xForwardedPort,
  HeaderId.xRealIp,
  HeaderId.forwarded,
];

const DROPPED_FROM_REQUESTS = idSet([...HOP_BY_HOP, ...GATEWAY_OWN, ...REWRITTEN]);
const FROM_RESPONSES: readonly number[] = [...HOP_BY_HOP, ...GATEWAY_OWN, HeaderId.serverTiming];
const DROPPED_FROM_RESPONSES = idSet(FROM_RESPONSES);

/** Mmtp counts bytes: what its fields say already, or a mobile client has no use for, stays. */
const SAVED_BY_MMTP: readonly number[] = [HeaderId.date, HeaderId.server];
const DROPPED_FROM_MMTP = idSet([...FROM_RESPONSES, ...SAVED_BY_MMTP]);
const DROPPED_FROM_TYPED_MMTP = idSet([...FROM_RESPONSES, ...SAVED_BY_MMTP, HeaderId.contentType]);

function idSet(ids: readonly number[]): Uint8Array {
  const set = new Uint8Array(HEADER_IDS);
  for (const id of ids) set[id] = 1;
  return set;
}

/** Cleans headers in both directions and applies the API's header rules. */
export const headersFilterFactory: FilterFactory = {
  name: 'headers',
  maturity: 'stable',
  phases: ['requestHead', 'responseHead'],
  create({ api }) {
    const { requestHeaders, responseHeaders } = api;
    const requestNames = replacedNames(requestHeaders);
    const responseNames = replacedNames(responseHeaders);
    return {
      requestHead({ request }: Exchange) {
        if (request.headers.count === 0) return FilterStatus.continue;
        const { headers, source } = request;
        request.hasRequestIdHeader = clean(headers, source, DROPPED_FROM_REQUESTS, requestNames);
        return FilterStatus.continue;
      },
      responseHead(exchange: Exchange) {
        const { response } = exchange;
        if (response.headers.count > 0) {
          clean(response.headers, response.headerSource, droppedFor(exchange), responseNames);
        }
        for (const [name, value] of responseHeaders.add) setAdded(response.added, name, value);
        return FilterStatus.continue;
      },
    };
  },
};

/** What an API adds replaces what was added before: by a filter, or to an answer given again. */
function setAdded(added: string[], name: string, value: string): void {
  for (let i = 0; i < added.length; i += 2) {
    if (added[i] !== name) continue;
    added[i + 1] = value;
    return;
  }
  added.push(name, value);
}

function droppedFor({ protocol, response }: Exchange): Uint8Array {
  if (protocol !== DownstreamProtocol.mmtp) return DROPPED_FROM_RESPONSES;
  // CONTENT_TYPE names JSON and protobuf; of all else only the header says what it is.
  return response.contentType === ContentType.bytes ? DROPPED_FROM_MMTP : DROPPED_FROM_TYPED_MMTP;
}

/** Added headers replace what was there: their names are removed first. */
function replacedNames(rules: HeaderRules): readonly Buffer[] {
  const names = [...rules.remove, ...rules.add.map(([name]) => name)];
  return names.map((name) => Buffer.from(name.toLowerCase(), 'latin1'));
}

/** @returns whether X-Request-Id is among what was kept */
function clean(
  headers: HeaderList,
  source: Buffer,
  dropped: Uint8Array,
  names: readonly Buffer[],
): boolean {
  const { words } = headers;
  let hasRequestId = false;
  const listed = connectionTokens(headers, source);
  let kept = 0;
  for (let index = 0; index < headers.count; index++) {
    const at = index * HEADER_WORDS;
    const nameOffset = words[at]!;
    const nameLength = words[at + 1]!;
    if (nameLength === 0) continue;
    const id = recogniseHeader(source, nameOffset, nameLength);
    if (dropped[id] === 1) continue;
    if (listed !== null && isListed(listed, source, nameOffset, nameLength)) continue;
    if (names.length > 0 && isAmong(names, source, nameOffset, nameLength)) continue;
    let valueLength = words[at + 3]!;
    if (id === HeaderId.cookie && dropped === DROPPED_FROM_REQUESTS) {
      valueLength = cutSessionCookie(source, words[at + 2]!, valueLength);
      if (valueLength === 0) continue;
    }
    hasRequestId ||= id === HeaderId.xRequestId;
    const to = kept * HEADER_WORDS;
    words[to] = nameOffset;
    words[to + 1] = nameLength;
    words[to + 2] = words[at + 2]!;
    words[to + 3] = valueLength;
    kept++;
  }
  headers.count = kept;
  return hasRequestId;
}

/**
 * Names that Connection lists besides close and keep-alive, lower case; null when there are none.
 * LIMIT: as many as fit into a head.
 */
function connectionTokens(headers: HeaderList, source: Buffer): ReadonlySet<string> | null {
  const { words } = headers;
  let tokens: Set<string> | null = null;
  for (let index = 0; index < headers.count; index++) {
    const at = index * HEADER_WORDS;
    if (words[at + 1] !== CONNECTION_BYTES) continue;
    if (recogniseHeader(source, words[at]!, CONNECTION_BYTES) !== HeaderId.connection) continue;
    const offset = words[at + 2]!;
    const length = words[at + 3]!;
    if (equalsLower(source, offset, length, CLOSE)) continue;
    if (equalsLower(source, offset, length, KEEP_ALIVE)) continue;
    // Cold from here: almost every Connection header says close or keep-alive.
    tokens ??= new Set();
    for (const token of source.latin1Slice(offset, offset + length).split(',')) {
      tokens.add(token.trim().toLowerCase());
    }
  }
  return tokens;
}

const UNDERSCORE = 0x5f;
const HYPHEN = 0x2d;
const CONNECTION_BYTES = 'connection'.length;
const CLOSE = Buffer.from('close', 'latin1');
const KEEP_ALIVE = Buffer.from('keep-alive', 'latin1');

function isListed(
  tokens: ReadonlySet<string>,
  source: Buffer,
  at: number,
  length: number,
): boolean {
  return tokens.has(source.latin1Slice(at, at + length).toLowerCase());
}

function isAmong(
  names: readonly Buffer[],
  source: Buffer,
  offset: number,
  length: number,
): boolean {
  for (let n = 0; n < names.length; n++) {
    if (equalsHyphened(source, offset, length, names[n]!)) return true;
  }
  return false;
}

/** Like {@link equalsLower}; an underscore stands for a hyphen, too, as for CGI-like servers. */
function equalsHyphened(source: Buffer, offset: number, length: number, lower: Buffer): boolean {
  if (lower.length !== length) return false;
  let i = 0;
  while (i < length) {
    const byte = toLower(source[offset + i]!);
    if (byte !== lower[i] && (byte !== UNDERSCORE || lower[i] !== HYPHEN)) return false;
    i++;
  }
  return true;
}

/** Is `source[offset, offset + length)` the text `lower`, ignoring ASCII case? */
function equalsLower(source: Buffer, offset: number, length: number, lower: Buffer): boolean {
  if (lower.length !== length) return false;
  let i = 0;
  while (i < length && toLower(source[offset + i]!) === lower[i]) i++;
  return i === length;
}

function toLower(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
}
