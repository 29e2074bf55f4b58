// What the Mmtp client is given and gives back.

import type { ZstdDictionary } from '#core/codec/mmtp/body.ts';
import type { RequestFields } from '#core/codec/mmtp/client-request.ts';

/** How to connect. */
export interface MmtpClientOptions {
  /** Default 127.0.0.1. */
  readonly host?: string | undefined;
  readonly port: number;
  readonly appId?: string | undefined;
  readonly workspaceId?: string | undefined;
  readonly deviceId?: string | undefined;
  /** For connection and INIT_ACK together. Default 5000. */
  readonly connectTimeoutMs?: number | undefined;
  /** Largest frame this client takes. Default 1 MiB. */
  readonly maxFrameBytes?: number | undefined;
  /** Entries of this client's decoding table. Default 128. */
  readonly tableSize?: number | undefined;
  /** Use the server's table, so that repeated fields are sent once. Default true. */
  readonly usesTable?: boolean | undefined;
  /** Compress request bodies where it pays. Default false; answers are always decompressed. */
  readonly compresses?: boolean | undefined;
  /** zstd dictionaries to offer. */
  readonly dictionaries?: readonly ZstdDictionary[] | undefined;
  /** Odd. Default 1. */
  readonly firstStreamId?: number | undefined;
}

/** What goes with a call besides operation type and body; every field of REQUEST can be given. */
export interface CallOptions extends Omit<
  RequestFields,
  'streamId' | 'operationType' | 'body' | 'headers'
> {
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The gateway's answer to a call. */
export interface CallAnswer {
  readonly resultCode: number;
  readonly memo: string;
  readonly tips: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly contentType: number;
  readonly body: Buffer;
  /** From call to answer. */
  readonly ms: number;
}
