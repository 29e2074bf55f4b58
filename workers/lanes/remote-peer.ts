// HOT PATH. A client connection of the acceptor as the gateway of another lane sees it.

import type { Exchange, ReplyTarget } from '#core/pipeline/exchange.ts';
import type { AnswerWriter } from './answer-writer.ts';
import type { PeerPlace } from './peer-table.ts';

export class RemotePeer implements ReplyTarget {
  readonly protocol: number;
  readonly channel: number;
  readonly clientIp: string;
  readonly #place: PeerPlace;
  readonly #answers: AnswerWriter;
  #brakes = 0;

  constructor(
    place: PeerPlace,
    protocol: number,
    channel: number,
    clientIp: string,
    answers: AnswerWriter,
  ) {
    this.#place = place;
    this.protocol = protocol;
    this.channel = channel;
    this.clientIp = clientIp;
    this.#answers = answers;
  }

  get serial(): number {
    return this.#place.serial;
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
    if (this.#brakes++ === 0) this.#answers.pause(this.#place, true);
  }

  resumeReading(): void {
    if (--this.#brakes === 0) this.#answers.pause(this.#place, false);
  }
}
