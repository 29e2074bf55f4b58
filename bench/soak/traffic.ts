// The mixed traffic of a soak: calls of clients that stay and of clients that come and leave, and
// what goes wrong on a mobile network. Each request of the schedule is one act; each act checks
// all that comes back. Not for speed: a promise a request is fine at some thousands a second.

import { randomInt } from 'node:crypto';
import { Agent } from 'node:http';
import { ResultCode } from '#core/base/result-codes.ts';
import { encodeBase64Url } from '#core/codec/session/base64url.ts';
import { ContentType } from '#core/codec/message.ts';
import { connectMmtp, type MmtpClient } from '#cli/client/mmtp-client.ts';
import { RESPONSE_BYTES, REQUEST_BYTES } from '../peers/peer-flags.ts';
import { TaggedMessage, writeTag, type MessageFormat } from '../peers/tagged-message.ts';
import { HOST } from '../peers/peer-network.ts';
import type { Tally } from '../load/tally.ts';
import { callHttp } from './http-call.ts';
import { breakHttp, breakMmtp, readSlowly } from './raw-clients.ts';
import { SILENT_TIMEOUT_MS, SoakOperation } from './soak-config.ts';

/** Clients that stay for the whole run. */
const STAYING_CLIENTS = 4;
const HTTP_SOCKETS = 16;

/** A cancelled call is given up before its time is over. Ms. */
const CANCEL_AFTER_MS = SILENT_TIMEOUT_MS / 5;

/** Acts of a hundred requests, in this order. */
const SHARES = [
  ['mmtpToBolt', 50],
  ['mmtpToHttp', 20],
  ['httpToHttp', 20],
  ['comeAndGoMmtp', 4],
  ['comeAndGoHttp', 2],
  ['timeOut', 1],
  ['cancel', 1],
  ['malformed', 1],
  ['slowReader', 1],
] as const;

type ActName = (typeof SHARES)[number][0];

/** Which act request number `index` is: spread over the hundred, so that none comes in a row. */
const ACTS: readonly ActName[] = spreadActs();

/** Where to send, and what with. */
export interface TrafficOptions {
  readonly mmtpPort: number;
  readonly httpPort: number;
  readonly sessions: readonly Buffer[];
  readonly tally: Tally;
}

/** All clients of a run. */
export class Traffic {
  /** Acts under way. */
  open = 0;
  /** Acts that ended as they should, by name. */
  readonly counts: Record<string, number> = {};
  readonly #options: TrafficOptions;
  readonly #clients: MmtpClient[] = [];
  readonly #agent = new Agent({ keepAlive: true, maxSockets: HTTP_SOCKETS });
  readonly #bodies = { json: bodiesOf('json'), protobuf: bodiesOf('protobuf') };
  #tag = 0;

  constructor(options: TrafficOptions) {
    this.#options = options;
  }

  /** Connects the clients that stay. */
  async start(): Promise<void> {
    for (let i = 0; i < STAYING_CLIENTS; i++) this.#clients.push(await this.#connect(i));
  }

  /** Runs the act of request `index`, which was due at `dueMs`; what is wrong goes to the tally. */
  async act(index: number, dueMs: number): Promise<void> {
    const { tally } = this.#options;
    const name = ACTS[index % ACTS.length]!;
    this.open++;
    try {
      // Only answers of services count as requests: how long trouble takes is our own choice.
      if (await this.#run(name, index)) tally.answered(dueMs, performance.now());
      this.counts[name] = (this.counts[name] ?? 0) + 1;
    } catch (error) {
      tally.complain(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      this.open--;
    }
  }

  async close(): Promise<void> {
    this.#agent.destroy();
    await Promise.all(this.#clients.map((client) => client.close()));
  }

  /** @returns true for an answer of a service */
  async #run(name: ActName, index: number): Promise<boolean> {
    const { mmtpPort, httpPort } = this.#options;
    const client = this.#clients[index % STAYING_CLIENTS]!;
    switch (name) {
      case 'mmtpToBolt':
        return this.#callMmtp(client, SoakOperation.bolt, 'protobuf', index);
      case 'mmtpToHttp':
        return this.#callMmtp(client, SoakOperation.http, 'json', index);
      case 'httpToHttp':
        return this.#callHttp(this.#agent, index);
      case 'comeAndGoHttp':
        return this.#callHttp(false, index);
      case 'comeAndGoMmtp':
        return this.#comeAndGo(index);
      case 'timeOut':
        await expectTimeout(client);
        return false;
      case 'cancel':
        await cancel(client);
        return false;
      case 'malformed':
        await (randomInt(2) === 0 ? breakMmtp(mmtpPort) : breakHttp(httpPort));
        return false;
      case 'slowReader':
        await readSlowly(mmtpPort);
        return false;
    }
  }

  #connect(number: number): Promise<MmtpClient> {
    return connectMmtp({ port: this.#options.mmtpPort, deviceId: `soak-${number}` });
  }

  async #comeAndGo(index: number): Promise<boolean> {
    const client = await this.#connect(index);
    try {
      return await this.#callMmtp(client, SoakOperation.bolt, 'protobuf', index);
    } finally {
      await client.close();
    }
  }

  async #callMmtp(
    client: MmtpClient,
    operation: string,
    format: MessageFormat,
    index: number,
  ): Promise<boolean> {
    const { tag, body } = this.#newBody(format);
    const contentType = format === 'protobuf' ? ContentType.protobuf : ContentType.json;
    const answer = await client.call(operation, body, {
      session: this.#session(index),
      contentType,
    });
    if (answer.resultCode !== ResultCode.success) throw new Error(`result ${answer.resultCode}`);
    this.#check(format, answer.body, tag);
    return true;
  }

  async #callHttp(agent: Agent | false, index: number): Promise<boolean> {
    const { tag, body } = this.#newBody('json');
    const session = this.#session(index);
    const headers = {
      'Content-Type': 'application/json',
      'Operation-Type': SoakOperation.http,
      Cookie: `MGW_SESSION=${encodeBase64Url(session, 0, session.length)}`,
    };
    const where = { host: HOST, port: this.#options.httpPort, agent, headers };
    this.#check('json', await callHttp(where, body), tag);
    return true;
  }

  #newBody(format: MessageFormat): { readonly tag: number; readonly body: Buffer } {
    const { request } = this.#bodies[format];
    const tag = (this.#tag = (this.#tag + 1) >>> 0);
    const body = Buffer.from(request.bytes);
    writeTag(body, request.tagOffset, tag);
    return { tag, body };
  }

  #check(format: MessageFormat, body: Buffer, tag: number): void {
    const { response } = this.#bodies[format];
    if (!response.equals(body, 0, body.length, tag)) throw new Error('wrong body');
  }

  #session(index: number): Buffer {
    const { sessions } = this.#options;
    return sessions[index % sessions.length]!;
  }
}

function bodiesOf(format: MessageFormat) {
  return {
    request: new TaggedMessage(format, REQUEST_BYTES),
    response: new TaggedMessage(format, RESPONSE_BYTES),
  };
}

/** The service is silent: the gateway says so when the time is over. */
async function expectTimeout(client: MmtpClient): Promise<void> {
  const { resultCode } = await client.call(SoakOperation.silent, '{}');
  if (resultCode !== ResultCode.backendTimedOut)
    throw new Error(`result ${resultCode} for a silent call`);
}

async function cancel(client: MmtpClient): Promise<void> {
  const signal = AbortSignal.timeout(CANCEL_AFTER_MS);
  try {
    await client.call(SoakOperation.silent, '{}', { signal });
  } catch (error) {
    if (error === signal.reason) return;
    throw error;
  }
  throw new Error('an answer to a cancelled call');
}

/** Each act in its share of a hundred, at even distances. */
function spreadActs(): ActName[] {
  const total = SHARES.reduce((sum, [, share]) => sum + share, 0);
  const places = SHARES.flatMap(([name, share], order) =>
    Array.from({ length: share }, (_, k) => ({ name, at: ((k + 0.5) * total) / share, order })),
  );
  return places.toSorted((a, b) => a.at - b.at || a.order - b.order).map(({ name }) => name);
}
