// HOT PATH. Tells what a Bolt response means for the caller: an answer, or one of the reasons in
// core/base/errors.ts. Invariant: a plain success costs a look at the status and the header map.
// Peers differ: Java SOFARPC reports its own failures and exceptions of the business code with
// status success, sofa-rpc-node with status 2, bare Bolt servers with status 2 and another class.

import { Errors, type GatewayError } from '#core/base/errors.ts';
import type { BoltFrame } from './frame.ts';
import { equalsAt, findHeaderValue, HeaderValue } from './header-map.ts';
import { HessianKind, HessianPeek, peekHessian } from './hessian-peek.ts';
import { ClassName, Codec, HeaderKey, Status } from './types.ts';

/**
 * The reason why a response is not an answer.
 *
 * @param bytes what `frame` points into
 * @param frame a response (not a heartbeat ack) that `peekBolt` accepted
 * @returns null for an answer of the service; its content is then the answer
 */
export function boltOutcome(bytes: Buffer, frame: BoltFrame): GatewayError | null {
  if (frame.status === Status.success) return outcomeOfSuccess(bytes, frame);
  if (frame.status === Status.serverException || frame.status === Status.error) {
    return outcomeOfException(bytes, frame);
  }
  return BY_STATUS[frame.status] ?? Errors.upstreamStatus;
}

/** LIMIT: characters of an error text that reach a log. */
const LOG_TEXT_MAX = 256;

/**
 * The error text of a response for logs, without control characters; '' when there is none.
 * Cold path: makes a string.
 */
export function boltErrorText(bytes: Buffer, frame: BoltFrame): string {
  findText(bytes, frame);
  const length = Math.min(found.textLength, LOG_TEXT_MAX);
  const text = bytes.utf8Slice(found.textOffset, found.textOffset + length);
  return text.replace(/[\p{Cc}\s]+/gu, ' ').trim();
}

function outcomeOfSuccess(bytes: Buffer, frame: BoltFrame): GatewayError | null {
  const isError = hasErrorHeader(bytes, frame);
  if (frame.codec !== Codec.hessian) {
    if (!isError) return null;
    // Without a Hessian object the text alone tells the framework's failures from the business's.
    return textRule(bytes, frame.contentOffset, frame.contentLength) ?? Errors.businessError;
  }
  const end = frame.contentOffset + frame.contentLength;
  peekHessian(bytes, frame.contentOffset, end, found);
  switch (found.kind) {
    case HessianKind.frameworkError:
      return textRule(bytes, found.textOffset, found.textLength) ?? Errors.upstreamStatus;
    case HessianKind.throwable:
      return Errors.businessError;
    default:
      return isError ? Errors.businessError : null;
  }
}

/** Status ERROR or SERVER_EXCEPTION. */
function outcomeOfException(bytes: Buffer, frame: BoltFrame): GatewayError {
  findText(bytes, frame);
  const named = textRule(bytes, found.textOffset, found.textLength);
  if (named !== null) return named;
  // sofa-rpc-node keeps the class SofaResponse when the method threw. RpcServerException, or no
  // class, comes from the Bolt layer of Java: the request did not get through.
  const isSofaResponse =
    frame.classLength === SOFA_RESPONSE.length && equalsAt(bytes, frame.classOffset, SOFA_RESPONSE);
  return isSofaResponse ? Errors.businessError : Errors.upstreamStatus;
}

function hasErrorHeader(bytes: Buffer, frame: BoltFrame): boolean {
  const { headerOffset, headerLength } = frame;
  if (headerLength === 0) return false;
  if (!findHeaderValue(bytes, headerOffset, headerLength, RESPONSE_ERROR, value)) return false;
  return value.length === TRUE.length && equalsAt(bytes, value.offset, TRUE);
}

/** Points `found` at the text of the content. */
function findText(bytes: Buffer, frame: BoltFrame): void {
  if (frame.codec === Codec.hessian) {
    peekHessian(bytes, frame.contentOffset, frame.contentOffset + frame.contentLength, found);
    return;
  }
  found.kind = HessianKind.other;
  found.textOffset = frame.contentOffset;
  found.textLength =
    frame.status !== Status.success || hasErrorHeader(bytes, frame) ? frame.contentLength : 0;
}

/** Reasons by status; where a status is missing the answer is `upstreamStatus`. */
const BY_STATUS: readonly (GatewayError | undefined)[] = statusTable([
  [Status.serverThreadPoolBusy, Errors.upstreamBusy],
  [Status.noProcessor, Errors.serviceNotFound],
  [Status.timeout, Errors.upstreamTimeoutStatus],
  // What a proxy between us and the service reports about its own connection to it.
  [Status.communicationError, Errors.upstreamReset],
  [Status.clientSendError, Errors.upstreamReset],
  [Status.connectionClosed, Errors.upstreamReset],
]);

function statusTable(
  rows: readonly (readonly [number, GatewayError])[],
): (GatewayError | undefined)[] {
  const table = Array.from<GatewayError | undefined>({ length: 32 }).fill(undefined);
  for (const [status, error] of rows) table[status] = error;
  return table;
}

/** One phrase by which a peer's framework gives itself away. */
interface TextRule {
  readonly phrase: Buffer;
  /**
   * The phrase begins at most this far into the text, so that quoting it changes nothing. Bytes.
   */
  readonly within: number;
  readonly error: GatewayError;
}

/** "Error: " of JavaScript, or a Java class name, may stand before a phrase. */
const NEAR_START = 96;

function rule(phrase: string, within: number, error: GatewayError): TextRule {
  return { phrase: Buffer.from(phrase), within, error };
}

const TEXT_RULES: readonly TextRule[] = [
  // Java SOFARPC: codes before texts in the server's language. LogCodes.java, BoltServerProcessor;
  // five digits up to 5.5, nine digits since 5.6.
  rule('RPC-02411:', NEAR_START, Errors.serviceNotFound),
  rule('RPC-020100010:', NEAR_START, Errors.serviceNotFound),
  rule('RPC-02412:', NEAR_START, Errors.methodNotFound),
  rule('RPC-020100011:', NEAR_START, Errors.methodNotFound),
  rule('RPC-02407:', NEAR_START, Errors.upstreamBusy),
  rule('RPC-02408:', NEAR_START, Errors.upstreamBusy),
  rule('RPC-020100008:', NEAR_START, Errors.upstreamBusy),
  rule('RPC-020100009:', NEAR_START, Errors.upstreamBusy),
  // The server is stopping: it takes nothing any more, like a busy one.
  rule('RPC-03402:', NEAR_START, Errors.upstreamBusy),
  rule('RPC-019990009:', NEAR_START, Errors.upstreamBusy),
  // java.lang.reflect.Method.invoke, passed on by ProviderInvoker of Java SOFARPC.
  rule('argument type mismatch', 0, Errors.illegalArgument),
  rule('wrong number of arguments', 0, Errors.illegalArgument),
  rule('access a member of class', NEAR_START, Errors.methodNotAccessible),
  // sofa-rpc-node: lib/server/server.js and lib/server/service.js.
  rule('not found service: ', 16, Errors.serviceNotFound),
  rule('Can not find method: ', 16, Errors.methodNotFound),
  // Bolt without SOFARPC: RpcRequestProcessor.java.
  rule('No user processor found for request', NEAR_START, Errors.serviceNotFound),
  rule('process rpc request failed in RpcRequestProcessor', 4096, Errors.businessError),
];

/** The reason that the text at `offset` names, or null. Cold path. */
function textRule(bytes: Buffer, offset: number, length: number): GatewayError | null {
  for (const { phrase, within, error } of TEXT_RULES) {
    const reach = Math.min(length, within + phrase.length);
    if (bytes.subarray(offset, offset + reach).includes(phrase)) return error;
  }
  return null;
}

const SOFA_RESPONSE = Buffer.from(ClassName.response);
const RESPONSE_ERROR = Buffer.from(HeaderKey.responseError);
const TRUE = Buffer.from('true');
/** Scratch of one call: nothing here calls out. */
const value = new HeaderValue();
const found = new HessianPeek();
