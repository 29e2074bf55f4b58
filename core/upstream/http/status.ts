// What an HTTP service's status means for the caller: an answer, or one of the result codes. The
// service's body passes through either way.

import { Errors, type GatewayError } from '#core/base/errors.ts';

const BY_STATUS: Readonly<Record<number, GatewayError>> = {
  401: Errors.methodNotAccessible,
  403: Errors.methodNotAccessible,
  404: Errors.serviceNotFound,
  405: Errors.methodNotFound,
  502: Errors.upstreamStatus,
  503: Errors.upstreamBusy,
  504: Errors.upstreamTimeoutStatus,
};

/** Null for 2xx and 3xx. */
export function httpOutcome(status: number): GatewayError | null {
  if (status < 400) return null;
  const named = BY_STATUS[status];
  if (named !== undefined) return named;
  return status < 500 ? Errors.illegalArgument : Errors.businessError;
}
