// HOT PATH. A client connection of the acceptor as the gateway of another lane sees it.

import type { Exchange, ReplyTarget } from '#core/pipeline/exchange.ts';
import type { AnswerWriter } from './answer-writer.ts';

export class RemotePeer implements ReplyTarget {
  readonly protocol: number;
  readonly channel: number;
  readonly clientIp: string;
  /** The acceptor sees to it: what a client does not take holds its own requests back. */
  readonly isCongested = false;
  readonly #index: number;
  readonly #answers: AnswerWriter;
  #brakes = 0;

  constructor(
    index: number,
    protocol: number,
    channel: number,
    clientIp: string,
    answers: AnswerWriter,
  ) {
    this.#index = index;
    this.protocol = protocol;
    this.channel = channel;
    this.clientIp = clientIp;
    this.#answers = answers;
  }

  reply(exchange: Exchange): void {
    this.#answers.reply(exchange);
  }

  replyHead(exchange: Exchange): void {
    this.#answers.head(exchange);
  }

  replyBody(exchange: Exchange, bytes: Buffer, offset: number, length: number): boolean {
    return this.#answers.pieces(exchange, bytes, offset, length);
  }

  replyEnd(exchange: Exchange, isComplete: boolean): void {
    this.#answers.end(exchange, isComplete);
  }

  pauseReading(): void {
    if (this.#brakes++ === 0) this.#answers.pause(this.#index, true);
  }

  resumeReading(): void {
    if (--this.#brakes === 0) this.#answers.pause(this.#index, false);
  }
}
