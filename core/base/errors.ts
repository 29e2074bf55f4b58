// Why a request did not end with 1000: one frozen object per reason, made once, so that failing a
// request allocates nothing. The digest log, the metrics and the tests name reasons by `code`.

import { ResultCode } from './result-codes.ts';

/** Whose fault it is. */
export type ErrorSource = 'downstream' | 'upstream' | 'internal';

/**
 * May the request be sent again? `never`; `safe`: nothing of it reached a service;
 * `if-idempotent`: it may have been processed, so only when the API allows repetition.
 */
export type RetryAdvice = 'never' | 'safe' | 'if-idempotent';

/** One reason for a failed request. */
export interface GatewayError {
  readonly code: string;
  readonly source: ErrorSource;
  readonly retry: RetryAdvice;
  /** Result code the client gets. */
  readonly resultCode: number;
  /** One sentence for people. */
  readonly text: string;
}

function define(
  code: string,
  source: ErrorSource,
  retry: RetryAdvice,
  resultCode: number,
  text: string,
): GatewayError {
  return Object.freeze({ code, source, retry, resultCode, text });
}

const R = ResultCode;

/** The registry of reasons. */
export const Errors = {
  operationMissing: define(
    'GW_OPERATION_MISSING',
    'downstream',
    'never',
    R.apiMissing,
    'The request names no operation type',
  ),
  operationTooLong: define(
    'GW_OPERATION_TOO_LONG',
    'downstream',
    'never',
    R.requestMalformed,
    'The operation type is longer than 128 bytes',
  ),
  apiUnknown: define(
    'GW_API_UNKNOWN',
    'downstream',
    'never',
    R.apiMissing,
    'No API has this operation type',
  ),
  pathUnknown: define(
    'GW_PATH_UNKNOWN',
    'downstream',
    'never',
    R.apiMissing,
    'No API has this path',
  ),
  apiDisabled: define(
    'GW_API_DISABLED',
    'downstream',
    'never',
    R.apiMissing,
    'The API is disabled',
  ),
  channelRefused: define(
    'GW_CHANNEL_REFUSED',
    'downstream',
    'never',
    R.accessRefused,
    'The API is not open on this channel',
  ),
  sessionMissing: define(
    'GW_SESSION_MISSING',
    'downstream',
    'never',
    R.loginTimedOut,
    'The API needs a session and the request has none',
  ),
  sessionInvalid: define(
    'GW_SESSION_INVALID',
    'downstream',
    'never',
    R.loginTimedOut,
    'The session is not valid',
  ),
  limitedByApi: define(
    'GW_LIMITED_API',
    'downstream',
    'never',
    R.limited,
    'The limit of the API is used up',
  ),
  limitedByStreams: define(
    'GW_LIMITED_STREAMS',
    'downstream',
    'never',
    R.limited,
    'The connection has too many open streams',
  ),
  limitedByExchanges: define(
    'GW_LIMITED_EXCHANGES',
    'internal',
    'never',
    R.limited,
    'The gateway has too many open requests',
  ),
  bodyEmpty: define(
    'GW_BODY_EMPTY',
    'downstream',
    'never',
    R.requestEmpty,
    'The request has no data',
  ),
  bodyTooLarge: define(
    'GW_BODY_TOO_LARGE',
    'downstream',
    'never',
    R.requestMalformed,
    'The request data is larger than the limit',
  ),
  bodyMalformed: define(
    'GW_BODY_MALFORMED',
    'downstream',
    'never',
    R.requestMalformed,
    'The request data is not of the declared type',
  ),
  framingBroken: define(
    'GW_FRAMING_BROKEN',
    'downstream',
    'never',
    R.requestMalformed,
    'The request body breaks the protocol',
  ),
  framingTooLarge: define(
    'GW_FRAMING_TOO_LARGE',
    'downstream',
    'never',
    R.requestMalformed,
    'The request body is larger than a message may be',
  ),
  operationRepeated: define(
    'GW_OPERATION_REPEATED',
    'downstream',
    'never',
    R.requestMalformed,
    'The request names its operation type twice',
  ),
  bodyTimeout: define(
    'GW_BODY_TIMEOUT',
    'downstream',
    'never',
    R.requestMalformed,
    'The request data did not arrive in time',
  ),
  fieldMalformed: define(
    'GW_FIELD_MALFORMED',
    'downstream',
    'never',
    R.requestMalformed,
    'A request field is malformed',
  ),
  clientAborted: define(
    'GW_CLIENT_ABORTED',
    'downstream',
    'never',
    R.unknownError,
    'The client went away before the answer',
  ),
  clientCancelled: define(
    'GW_CLIENT_CANCELLED',
    'downstream',
    'never',
    R.unknownError,
    'The client cancelled the request',
  ),
  timeout: define(
    'GW_TIMEOUT',
    'upstream',
    'if-idempotent',
    R.backendTimedOut,
    'The service did not answer in time',
  ),
  upstreamMissing: define(
    'GW_UPSTREAM_MISSING',
    'internal',
    'never',
    R.backendHostUnknown,
    'The API names an upstream that is not configured',
  ),
  upstreamHostUnknown: define(
    'GW_UPSTREAM_HOST_UNKNOWN',
    'upstream',
    'safe',
    R.backendHostUnknown,
    'The host name of the service does not resolve',
  ),
  upstreamConnectRefused: define(
    'GW_UPSTREAM_CONNECT_REFUSED',
    'upstream',
    'safe',
    R.backendFailed,
    'The service refused the connection',
  ),
  upstreamConnectFailed: define(
    'GW_UPSTREAM_CONNECT_FAILED',
    'upstream',
    'safe',
    R.backendFailed,
    'No connection to the service could be opened',
  ),
  upstreamConnectTimeout: define(
    'GW_UPSTREAM_CONNECT_TIMEOUT',
    'upstream',
    'safe',
    R.backendFailed,
    'Opening a connection to the service took too long',
  ),
  upstreamPoolFull: define(
    'GW_UPSTREAM_POOL_FULL',
    'internal',
    'safe',
    R.backendFailed,
    'Too many requests wait for a connection to the service',
  ),
  upstreamWaitTimeout: define(
    'GW_UPSTREAM_WAIT_TIMEOUT',
    'internal',
    'safe',
    R.backendFailed,
    'Waiting for a connection to the service took too long',
  ),
  upstreamStalled: define(
    'GW_UPSTREAM_STALLED',
    'upstream',
    'safe',
    R.backendFailed,
    'The service takes nothing',
  ),
  upstreamReset: define(
    'GW_UPSTREAM_RESET',
    'upstream',
    'if-idempotent',
    R.backendFailed,
    'The service closed the connection before its answer',
  ),
  upstreamProtocol: define(
    'GW_UPSTREAM_PROTOCOL',
    'upstream',
    'never',
    R.backendFailed,
    'The service broke the protocol',
  ),
  upstreamTooLarge: define(
    'GW_UPSTREAM_TOO_LARGE',
    'upstream',
    'never',
    R.backendFailed,
    'The answer of the service is larger than the limit',
  ),
  upstreamBusy: define(
    'GW_UPSTREAM_BUSY',
    'upstream',
    'safe',
    R.backendFailed,
    'The service has no free thread',
  ),
  upstreamStatus: define(
    'GW_UPSTREAM_STATUS',
    'upstream',
    'never',
    R.backendFailed,
    'The service answered with a failure status',
  ),
  upstreamTimeoutStatus: define(
    'GW_UPSTREAM_TIMEOUT_STATUS',
    'upstream',
    'if-idempotent',
    R.backendTimedOut,
    'The service reports a timeout',
  ),
  serviceNotFound: define(
    'GW_SERVICE_NOT_FOUND',
    'upstream',
    'never',
    R.serviceNotFound,
    'The service does not know the interface',
  ),
  methodNotFound: define(
    'GW_METHOD_NOT_FOUND',
    'upstream',
    'never',
    R.methodNotFound,
    'The service does not know the method',
  ),
  methodNotAccessible: define(
    'GW_METHOD_NOT_ACCESSIBLE',
    'upstream',
    'never',
    R.methodNotAccessible,
    'The service refuses access to the method',
  ),
  illegalArgument: define(
    'GW_ILLEGAL_ARGUMENT',
    'upstream',
    'never',
    R.illegalArgument,
    'The service refuses the arguments',
  ),
  businessError: define(
    'GW_BUSINESS_ERROR',
    'upstream',
    'never',
    R.businessError,
    'The business code threw',
  ),
  resendAnswerLost: define(
    'GW_RESEND_ANSWER_LOST',
    'internal',
    'never',
    R.backendFailed,
    'The repeated request has run, its answer is not held any more, and the API is not idempotent',
  ),
  draining: define(
    'GW_DRAINING',
    'internal',
    'safe',
    R.backendFailed,
    'The gateway is shutting down',
  ),
  filterFailed: define(
    'GW_FILTER_FAILED',
    'internal',
    'never',
    R.unknownError,
    'A filter threw or returned what is no status',
  ),
  filterRefused: define(
    'GW_FILTER_REFUSED',
    'internal',
    'never',
    R.accessRefused,
    'A filter answered with a result code and gave no reason',
  ),
  laneLost: define(
    'GW_LANE_LOST',
    'internal',
    'if-idempotent',
    R.unknownError,
    'The thread that ran the request ended',
  ),
  internal: define('GW_INTERNAL', 'internal', 'never', R.unknownError, 'The gateway failed'),
} as const satisfies Record<string, GatewayError>;
