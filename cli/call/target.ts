// What `mgw call` calls: a target that opens connections, each of which carries the one prepared
// request. The command sees Mmtp and HTTP through these shapes only.

/** The request of a command line, the same for every call. */
export interface CallRequest {
  readonly operationType: string;
  readonly body: Buffer;
  /** A `ContentType` of core/codec/message.ts. */
  readonly contentType: number;
  /** Raw session bytes; null: none. */
  readonly session: Buffer | null;
  /** Names are unique, whatever their case. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly deviceId: string | undefined;
  /** Time for one call in ms; undefined leaves it to the gateway. */
  readonly timeoutMs: number | undefined;
}

/** The answer of a gateway. */
export interface CallResult {
  /** 0: the answer has none, so it is hardly a gateway's. */
  readonly resultCode: number;
  /** 0 by Mmtp. */
  readonly httpStatus: number;
  readonly memo: string;
  readonly tips: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly contentType: number;
  readonly body: Buffer;
  /** From request to the end of the answer; connecting is not part of it. */
  readonly ms: number;
}

/** Something that answers calls. */
export interface CallTarget {
  /** Protocol and address for people. */
  readonly label: string;
  /** @throws CallFailure when there is no connection */
  connect(): Promise<CallConnection>;
}

/** One way to the target. */
export interface CallConnection {
  /** What is known about the connection, a line each. */
  details(): readonly string[];
  /** @throws CallFailure when there is no answer */
  call(): Promise<CallResult>;
  close(): Promise<void>;
}

/** A call that got no answer; the message names the address. */
export class CallFailure extends Error {
  /** `MMTP_CONNECT`, `HTTP_CLOSED` ... for programs. */
  readonly code: string;
  /** What to do about it; may be empty. */
  readonly hint: string;
  /** There is no connection and none could be opened. */
  readonly isUnreachable: boolean;

  constructor(code: string, message: string, hint: string, cause: unknown) {
    super(message, { cause });
    this.code = code;
    this.hint = hint;
    this.isUnreachable = code.endsWith('_CONNECT');
  }
}

/** Why a connection failed, also where several addresses of one name were tried. */
export function reasonText(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') {
    return error.errors.map(reasonText).join('; ');
  }
  return error instanceof Error && error.message !== '' ? error.message : String(error);
}

/** The `code` of an error of the system or of node:http; '' when it has none. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/**
 * What to do about a connection that could not be opened.
 *
 * @param cause error of the system
 * @param flag how the address is given
 */
export function connectHint(cause: unknown, flag: string): string {
  switch (errorCode(cause)) {
    case 'ECONNREFUSED':
      return (
        'Nothing listens there. `npm start` or `mgw sidecar` starts a gateway; ' +
        `${flag} names another.`
      );
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `The host name is unknown; check ${flag}.`;
    default:
      return `Check ${flag}.`;
  }
}
