// Why a call of the Mmtp client failed without an answer of the gateway.

/** Reasons; the ones marked "safe" say that no service has seen the call. */
export type MmtpClientErrorCode =
  /** No connection, or no INIT_ACK in time. Safe. */
  | 'MMTP_CONNECT'
  /** The connection closed before the answer. */
  | 'MMTP_CLOSED'
  /** The server broke the protocol. */
  | 'MMTP_PROTOCOL'
  /** No answer within the call's time and the grace behind it. */
  | 'MMTP_TIMEOUT'
  /** The server goes away and did not process the call, or takes no new ones. Safe. */
  | 'MMTP_GOING_AWAY'
  /** The server asked to hold calls back for a while (EVENT restrict). Safe. */
  | 'MMTP_RESTRICTED'
  /** The request does not fit a frame. Safe. */
  | 'MMTP_TOO_LARGE';

/** A failure on the client's side of the connection. */
export class MmtpClientError extends Error {
  readonly code: MmtpClientErrorCode;

  constructor(code: MmtpClientErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'MmtpClientError';
    this.code = code;
  }
}
