// The oracle: Node's own HTTP parser (llhttp, all lenient flags off) over the same bytes, written
// down in the same lines as the codec under test.

import { createRequire } from 'node:module';

import { headLine, readable } from './transcript.ts';
import type { Side } from './transcript.ts';

type HeadersComplete = (
  major: number,
  minor: number,
  headers: string[] | undefined,
  method: number | undefined,
  url: string | undefined,
  status: number | undefined,
  phrase: string | undefined,
  isUpgrade: boolean,
  keepAlive: boolean,
) => number;

interface Parser {
  [callback: number]: unknown;
  initialize(type: number, resource: object, headBytesMax: number, lenient: number): void;
  execute(bytes: Buffer): number | Error;
  finish(): Error | undefined;
  close(): void;
}

interface ParserClass {
  new (): Parser;
  readonly REQUEST: number;
  readonly RESPONSE: number;
  readonly kOnHeaders: number;
  readonly kOnHeadersComplete: number;
  readonly kOnBody: number;
  readonly kOnMessageComplete: number;
  readonly kLenientNone: number;
}

interface HttpInternals {
  readonly HTTPParser: ParserClass;
  readonly methods: readonly string[];
}

const require = createRequire(import.meta.url);
const { HTTPParser, methods } = require('node:_http_common') as HttpInternals;

/** The method that llhttp numbers behind those of other protocols and Node does not list here. */
const UNLISTED_METHOD = 'QUERY';

const READ_BODY = 0;
const SKIP_BODY = 1;

const HEAD_BYTES_MAX = 64 * 1024;

export interface OracleResult {
  readonly lines: readonly string[];
  /** Code of the error that ended the stream; undefined when llhttp is content so far. */
  readonly error: string | undefined;
}

/** Runs llhttp over a stream that ends after `bytes`. */
export function oracle(side: Side, bytes: Buffer): OracleResult {
  const lines: string[] = [];
  let body = '';
  // The parser hands headers and target over early when there are many, or after trailers.
  let early: string[] = [];
  let earlyUrl = '';
  let isInHead = true;
  const parser = new HTTPParser();
  const type = side === 'request' ? HTTPParser.REQUEST : HTTPParser.RESPONSE;
  parser.initialize(type, {}, HEAD_BYTES_MAX, HTTPParser.kLenientNone);
  const flush = (): void => {
    if (body !== '') lines.push(`body ${readable(body)}`);
    body = '';
  };
  parser[HTTPParser.kOnHeaders] = (headers: string[], url: string): void => {
    if (!isInHead) return;
    early = [...early, ...headers];
    earlyUrl += url;
  };
  const onHead: HeadersComplete = (...args) => {
    const [major, minor, headers, method, url, status, phrase, isUpgrade, keepAlive] = args;
    const texts = [...early, ...(headers ?? [])];
    const staysOpen = keepAlive && !closesHere(minor, status, texts);
    const first =
      side === 'request'
        ? `${methods[method!] ?? UNLISTED_METHOD} ${earlyUrl}${url ?? ''}`
        : `${status} ${phrase}`;
    // Other versions must not look like 1.x here.
    const version = major === 1 ? minor : 100 * major + minor;
    lines.push(headLine(first, version, staysOpen, texts));
    early = [];
    earlyUrl = '';
    isInHead = false;
    if (isUpgrade) lines.push('upgrade');
    // Node's client answers like this: an informational response has no body.
    const isInformational = status !== undefined && status < 200;
    return isInformational ? SKIP_BODY : READ_BODY;
  };
  parser[HTTPParser.kOnHeadersComplete] = onHead;
  parser[HTTPParser.kOnBody] = (piece: Buffer): void => {
    body += piece.latin1Slice();
  };
  parser[HTTPParser.kOnMessageComplete] = (): void => {
    flush();
    isInHead = true;
    lines.push('end');
  };
  const result = parser.execute(bytes);
  let error = result instanceof Error ? errorCode(result) : undefined;
  if (error === undefined && side === 'response') error = errorCode(parser.finish());
  flush();
  parser.close();
  const upgrade = lines.indexOf('upgrade');
  return { lines: upgrade < 0 ? lines : lines.slice(0, upgrade + 1), error };
}

/** Where the gateway closes and llhttp goes on: not a matter of what the message is. */
function closesHere(
  minor: number,
  status: number | undefined,
  headers: readonly string[],
): boolean {
  // An HTTP/1.0 client that says both close and keep-alive.
  if (minor === 0 && saysClose(headers)) return true;
  if (status === undefined) return false;
  // Answers that cannot have a body and announce one, and protocols nobody speaks here.
  const isBodyless = status < 200 || status === 204;
  return status === 101 || (isBodyless && headers.some(announcesBody));
}

function announcesBody(text: string, index: number, headers: readonly string[]): boolean {
  if (index % 2 === 0) return false;
  const name = headers[index - 1]!.toLowerCase();
  return name === 'transfer-encoding' || (name === 'content-length' && !/^0*$/.test(text));
}

function saysClose(headers: readonly string[]): boolean {
  return headers.some((text, index) => {
    const isConnection = index % 2 === 1 && /^connection$/i.test(headers[index - 1]!);
    return isConnection && /(^|,)[ \t]*close[ \t]*(,|$)/i.test(text);
  });
}

function errorCode(error: Error | undefined): string | undefined {
  if (error === undefined) return undefined;
  return 'code' in error ? String(error.code) : error.message;
}
