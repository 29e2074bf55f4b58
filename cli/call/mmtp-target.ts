// Calls by Mmtp: one client a connection, opened anew when the gateway closed it or goes away.

import { connectMmtp } from '../client/mmtp-client.ts';
import type { MmtpClient } from '../client/mmtp-client.ts';
import { MmtpClientError } from '../client/mmtp-client-error.ts';
import type { CallOptions } from '../client/client-types.ts';
import { CallFailure, connectHint, errorCode, reasonText } from './target.ts';
import type { CallConnection, CallRequest, CallResult, CallTarget } from './target.ts';
import { formatCount, formatMs } from './units.ts';

/** HTTP status of answers that came by Mmtp. */
const NO_HTTP_STATUS = 0;

/** A gateway's Mmtp port. */
export class MmtpTarget implements CallTarget {
  readonly label: string;
  readonly #open: () => Promise<MmtpClient>;
  readonly #request: CallRequest;

  constructor(address: { readonly host: string; readonly port: number }, request: CallRequest) {
    const { host, port } = address;
    const shown = host.includes(':') ? `[${host}]` : host;
    this.label = `Mmtp ${shown}:${port}`;
    this.#request = request;
    this.#open = async () => {
      try {
        return await connectMmtp({ host, port, deviceId: request.deviceId });
      } catch (error) {
        const cause = error instanceof MmtpClientError ? error.cause : error;
        const text = `Cannot connect to ${this.label}: ${reasonText(cause)}`;
        throw new CallFailure('MMTP_CONNECT', text, openHint(cause), error);
      }
    };
  }

  async connect(): Promise<MmtpConnection> {
    const startedMs = performance.now();
    const client = await this.#open();
    const connectMs = performance.now() - startedMs;
    return new MmtpConnection(this.#request, this.#open, client, connectMs);
  }
}

/** A connection that comes back after the gateway closed it. */
export class MmtpConnection implements CallConnection {
  readonly #request: CallRequest;
  readonly #options: CallOptions;
  readonly #open: () => Promise<MmtpClient>;
  readonly #connectMs: number;
  /** Clients that may still have open calls; the last one takes new ones. */
  readonly #clients = new Set<MmtpClient>();
  #current: Promise<MmtpClient> | null;

  constructor(
    request: CallRequest,
    open: () => Promise<MmtpClient>,
    client: MmtpClient,
    connectMs: number,
  ) {
    const { session, headers, timeoutMs, contentType } = request;
    this.#request = request;
    this.#options = {
      contentType,
      session: session ?? undefined,
      timeoutMs,
      headers: Object.fromEntries(headers),
    };
    this.#open = open;
    this.#connectMs = connectMs;
    this.#current = Promise.resolve(client);
    this.#adopt(client, this.#current);
  }

  details(): readonly string[] {
    const [client] = this.#clients;
    const { maxStreams = 0, maxFrameBytes = 0, idleTimeoutS = 0 } = client?.limits ?? {};
    return [
      `connected in ${formatMs(this.#connectMs)}`,
      `the gateway takes ${formatCount(maxStreams)} streams, frames of ` +
        `${formatCount(maxFrameBytes)} bytes, ${idleTimeoutS} s of silence`,
    ];
  }

  async call(): Promise<CallResult> {
    const { operationType, body } = this.#request;
    const client = await (this.#current ?? this.#reopen());
    try {
      const answer = await client.call(operationType, body, this.#options);
      return { ...answer, httpStatus: NO_HTTP_STATUS };
    } catch (error) {
      if (!(error instanceof MmtpClientError)) throw error;
      throw new CallFailure(error.code, error.message, callHint(error.code), error);
    }
  }

  async close(): Promise<void> {
    await Promise.all(Array.from(this.#clients, (client) => client.close()));
  }

  #reopen(): Promise<MmtpClient> {
    const opening = this.#open();
    this.#current = opening;
    opening.then(
      (client) => this.#adopt(client, opening),
      () => this.#drop(opening),
    );
    return opening;
  }

  #adopt(client: MmtpClient, opening: Promise<MmtpClient>): void {
    this.#clients.add(client);
    client.onGoaway = () => this.#drop(opening);
    client.onClose = () => {
      this.#clients.delete(client);
      this.#drop(opening);
    };
  }

  /** The next call opens a new connection, unless that happened already. */
  #drop(opening: Promise<MmtpClient>): void {
    if (this.#current === opening) this.#current = null;
  }
}

function openHint(cause: unknown): string {
  const isOtherProtocol = errorCode(cause).startsWith('MMTP_') || isSilent(cause);
  if (isOtherProtocol) return 'Is that an Mmtp port? For the HTTP port give --http URL.';
  return connectHint(cause, '--mmtp HOST:PORT');
}

/** The connection was there, the answer to INIT was not. */
function isSilent(cause: unknown): boolean {
  return cause instanceof Error && cause.message.includes('INIT_ACK');
}

function callHint(code: MmtpClientError['code']): string {
  switch (code) {
    case 'MMTP_TIMEOUT':
      return '--timeout-ms N waits longer.';
    case 'MMTP_TOO_LARGE':
      return 'The gateway says how much it takes: -v shows it.';
    case 'MMTP_GOING_AWAY':
      return 'The gateway is being stopped or replaced; call again.';
    default:
      return '';
  }
}
