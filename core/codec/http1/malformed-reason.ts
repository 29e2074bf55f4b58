// Why bytes were refused as HTTP/1.1: one small number per reason, its text for logs and the status
// a server answers with. Numbers are local to a process: they go to logs as text, never to a wire.

/** Reasons a head, a chunked body or a trailer is refused. */
export const MalformedReason = {
  none: 0,
  emptyLine: 1,
  method: 2,
  methodUnknown: 3,
  target: 4,
  targetTooLong: 5,
  startLine: 6,
  version: 7,
  status: 8,
  reasonPhrase: 9,
  bareCr: 10,
  bareLf: 11,
  headerName: 12,
  spaceBeforeColon: 13,
  foldedLine: 14,
  headerValue: 15,
  headTooLong: 16,
  headersTooMany: 17,
  contentLength: 18,
  contentLengthRepeated: 19,
  lengthAndCoding: 20,
  transferCoding: 21,
  transferCodingOnHttp10: 22,
  hostMissing: 23,
  hostRepeated: 24,
  host: 25,
  chunkSize: 26,
  chunkExtension: 27,
  chunkLineTooLong: 28,
  chunkEnd: 29,
  bodyTooLong: 30,
  trailer: 31,
  trailerForbidden: 32,
  trailersTooLong: 33,
} as const;

const BAD_REQUEST = 400;
const CONTENT_TOO_LARGE = 413;
const URI_TOO_LONG = 414;
const HEAD_TOO_LARGE = 431;
const NOT_IMPLEMENTED = 501;
const VERSION_NOT_SUPPORTED = 505;

const TABLE: Record<keyof typeof MalformedReason, readonly [status: number, text: string]> = {
  none: [BAD_REQUEST, 'nothing is wrong'],
  emptyLine: [BAD_REQUEST, 'more than one empty line before the request'],
  method: [BAD_REQUEST, 'the method has a byte that is not a token character'],
  methodUnknown: [NOT_IMPLEMENTED, 'the method is not one that a gateway passes on'],
  target: [BAD_REQUEST, 'the request target is not a path, a URL or an asterisk'],
  targetTooLong: [URI_TOO_LONG, 'the request target does not fit into the limit of the head'],
  startLine: [BAD_REQUEST, 'the first line is not a request line or a status line'],
  version: [VERSION_NOT_SUPPORTED, 'the version is neither HTTP/1.1 nor HTTP/1.0'],
  status: [BAD_REQUEST, 'the status is not three digits from 100 on'],
  reasonPhrase: [BAD_REQUEST, 'the reason phrase has a control character'],
  bareCr: [BAD_REQUEST, 'a CR is not followed by LF'],
  bareLf: [BAD_REQUEST, 'an LF does not follow a CR'],
  headerName: [BAD_REQUEST, 'a header name is empty or has a byte that is not a token character'],
  spaceBeforeColon: [BAD_REQUEST, 'white space stands between a header name and its colon'],
  foldedLine: [BAD_REQUEST, 'a header line starts with white space'],
  headerValue: [BAD_REQUEST, 'a header value has a control character'],
  headTooLong: [HEAD_TOO_LARGE, 'the head is longer than its limit'],
  headersTooMany: [HEAD_TOO_LARGE, 'there are more headers than the limit'],
  contentLength: [BAD_REQUEST, 'Content-Length is not one decimal number below 2^53'],
  contentLengthRepeated: [BAD_REQUEST, 'Content-Length is there twice'],
  lengthAndCoding: [BAD_REQUEST, 'both Content-Length and Transfer-Encoding are there'],
  transferCoding: [BAD_REQUEST, 'Transfer-Encoding is not exactly one "chunked"'],
  transferCodingOnHttp10: [BAD_REQUEST, 'Transfer-Encoding on an HTTP/1.0 message'],
  hostMissing: [BAD_REQUEST, 'an HTTP/1.1 request without Host'],
  hostRepeated: [BAD_REQUEST, 'Host is there twice'],
  host: [BAD_REQUEST, 'Host is not a host name or address with an optional port'],
  chunkSize: [BAD_REQUEST, 'a chunk size is not a hexadecimal number'],
  chunkExtension: [BAD_REQUEST, 'a chunk extension breaks its grammar'],
  chunkLineTooLong: [BAD_REQUEST, 'chunk lines or extensions are longer than their limit'],
  chunkEnd: [BAD_REQUEST, 'chunk data is not followed by CR LF'],
  bodyTooLong: [CONTENT_TOO_LARGE, 'the body is longer than its limit'],
  trailer: [BAD_REQUEST, 'a trailer line is not a valid header line'],
  trailerForbidden: [BAD_REQUEST, 'a trailer names a header that frames or routes the message'],
  trailersTooLong: [HEAD_TOO_LARGE, 'the trailers are longer than their limit'],
};

const ROWS = Object.values(TABLE);

/** The reason as a phrase for logs. */
export function describeReason(reason: number): string {
  return ROWS[reason]?.[1] ?? 'unknown reason';
}

/** The status code a server answers a refused request with (RFC 9110 section 15). */
export function statusOfReason(reason: number): number {
  return ROWS[reason]?.[0] ?? BAD_REQUEST;
}
