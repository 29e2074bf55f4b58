// HOT PATH. Answers of a lane on their way to clients: from records of its ring, through the
// exchange that the acceptor kept, to the connection, which copies them into its output at once.

import { systemClock } from '#core/base/clock.ts';
import type { GatewayError } from '#core/base/errors.ts';
import { DownstreamProtocol } from '#core/codec/message.ts';
import { ResponseKind } from './layout.ts';
import { RemoteState, type RemoteExchange } from './remote-exchange.ts';
import { ExchangeWord } from './request-words.ts';
import {
  isAssembled,
  readResponse,
  ResponseWord,
  STYLES,
  type ReplyFacts,
} from './response-words.ts';

/** Words of a piece: where it lies; of an end: whether it is one. */
const FIRST_WORD = ExchangeWord.serial + 1;

/** What the end of an exchange and the taking of pieces are told to. */
export interface ReplyOwner {
  ended(exchange: RemoteExchange): void;
  taken(exchange: RemoteExchange, bytes: number): void;
}

export class ReplyReader {
  /** The lane's arena. */
  readonly #arena: Buffer;
  readonly #owner: ReplyOwner;
  readonly #facts: ReplyFacts = { error: null, api: STYLES[0]!, upstreamMs: -1 };

  constructor(arena: Buffer, owner: ReplyOwner) {
    this.#arena = arena;
    this.#owner = owner;
  }

  /** Acts on the record of `kind` at `at`, which is about `exchange`. */
  take(kind: number, words: Int32Array, at: number, exchange: RemoteExchange): void {
    switch (kind) {
      case ResponseKind.reply:
        this.#fill(words, at, exchange);
        try {
          exchange.connection!.reply(exchange);
        } finally {
          this.#owner.ended(exchange);
        }
        break;
      case ResponseKind.head:
        this.#fill(words, at, exchange);
        exchange.state = RemoteState.streaming;
        exchange.connection!.replyHead(exchange);
        break;
      case ResponseKind.piece:
        this.#piece(words[at + FIRST_WORD]!, words[at + FIRST_WORD + 1]!, exchange);
        break;
      case ResponseKind.end:
        try {
          exchange.connection!.replyEnd(exchange, words[at + FIRST_WORD] === 1);
        } finally {
          this.#owner.ended(exchange);
        }
        break;
      case ResponseKind.part: {
        const from = words[at + FIRST_WORD]!;
        const part = this.#arena.subarray(from, from + words[at + FIRST_WORD + 1]!);
        (exchange.parts ??= []).push(Buffer.from(part));
        break;
      }
      default:
        throw new Error(`A lane wrote a record of kind ${kind}`);
    }
  }

  #fill(words: Int32Array, at: number, exchange: RemoteExchange): void {
    const facts = this.#facts;
    const { response, request, parts } = exchange;
    const hasParts = isAssembled(words, at);
    const bytes = hasParts ? Buffer.concat(parts ?? []) : this.#arena;
    const base = hasParts ? 0 : words[at + ResponseWord.base]!;
    readResponse(words, at, response, bytes, base, request.trace, facts);
    exchange.parts = null;
    exchange.error = facts.error;
    exchange.api = facts.api;
    // Answers of HTTP tell how long they took; of Mmtp nobody asks, and a clock costs 30 ns.
    if (exchange.connection!.protocol !== DownstreamProtocol.http1) return;
    const nowMs = systemClock.nowMs();
    exchange.answeredMs = exchange.repliedMs = nowMs;
    exchange.sentMs = facts.upstreamMs < 0 ? 0 : nowMs - facts.upstreamMs;
  }

  /** What the client does not take now is not told to the lane, which stops at its window. */
  #piece(offset: number, length: number, exchange: RemoteExchange): void {
    const goesOn = exchange.connection!.replyBody(exchange, this.#arena, offset, length);
    if (goesOn) this.#owner.taken(exchange, length);
    else exchange.heldBytes += length;
  }
}

/** Ends an exchange that its lane cannot end: with `error`, or by breaking off what has begun. */
export function giveUp(exchange: RemoteExchange, error: GatewayError): void {
  const { connection, response, state } = exchange;
  if (state === RemoteState.streaming) {
    connection!.replyEnd(exchange, false);
    return;
  }
  response.reset();
  response.resultCode = error.resultCode;
  exchange.error = error;
  exchange.repliedMs = systemClock.nowMs();
  connection!.reply(exchange);
}
