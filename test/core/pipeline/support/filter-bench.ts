// One filter of one API on hand-made exchanges, without a driver around it.

import assert from 'node:assert/strict';
import { DownstreamProtocol, HEADER_WORDS, type HeaderList } from '#core/codec/message.ts';
import { Exchange, type ReplyTarget } from '#core/pipeline/exchange.ts';
import type { Filter, FilterFactory } from '#core/pipeline/filter.ts';
import { makeApi, type ApiBase } from './make-api.ts';

/** A name and a value. */
export type Pair = readonly [name: string, value: string];

/** What an exchange for a filter is made of. */
export interface ExchangeShape {
  readonly operation?: string;
  readonly body?: string | Buffer;
  readonly headers?: readonly Pair[];
  readonly session?: Buffer;
  /** A session as HTTP carries it. */
  readonly sessionText?: string;
  readonly device?: string;
  readonly protocol?: number;
  readonly channel?: number;
}

/** Compiles the filter of `factory` for an API with `overrides`; null: the API needs none. */
export function filterOf(factory: FilterFactory, overrides: Partial<ApiBase> = {}): Filter | null {
  return factory.create({ api: makeApi(overrides), stateIndex: 0 });
}

/** An exchange in the state in which filters see it. */
export function exchangeOf(shape: ExchangeShape = {}): Exchange {
  const resumer = { resume: () => assert.fail('nothing was paused') };
  const exchange = new Exchange(0, resumer, () => {});
  const protocol = shape.protocol ?? DownstreamProtocol.http1;
  exchange.protocol = protocol;
  exchange.downstream = { protocol, channel: shape.channel ?? 1 } as ReplyTarget;
  const { request } = exchange;
  const writer = new Writer();
  const operation = shape.operation ?? 'test.call';
  request.operationOffset = writer.add(operation);
  request.operationLength = operation.length;
  const device = shape.device ?? '';
  request.deviceIdOffset = writer.add(device);
  request.deviceIdLength = device.length;
  const sessionText = shape.sessionText ?? '';
  request.sessionTextOffset = writer.add(sessionText);
  request.sessionTextLength = sessionText.length;
  writer.addHeaders(request.headers, shape.headers ?? []);
  request.source = writer.bytes();
  const body = Buffer.from(shape.body ?? '');
  request.bodySource = body;
  request.bodyLength = body.length;
  if (shape.session !== undefined) {
    request.sessionSource = shape.session;
    request.sessionLength = shape.session.length;
  }
  return exchange;
}

/** Gives the answer of `exchange` headers. */
export function setResponseHeaders({ response }: Exchange, headers: readonly Pair[]): void {
  const writer = new Writer();
  writer.addHeaders(response.headers, headers);
  response.headerSource = writer.bytes();
}

/** All headers of a list as text. */
export function pairsOf({ count, words }: HeaderList, source: Buffer): readonly Pair[] {
  return Array.from({ length: count }, (_, index) => {
    const at = index * HEADER_WORDS;
    const text = (offset: number, length: number): string =>
      source.latin1Slice(offset, offset + length);
    return [text(words[at]!, words[at + 1]!), text(words[at + 2]!, words[at + 3]!)];
  });
}

class Writer {
  #text = '..';

  add(text: string): number {
    const at = this.#text.length;
    this.#text += `${text}..`;
    return at;
  }

  addHeaders(list: HeaderList, pairs: readonly Pair[]): void {
    for (const [name, value] of pairs) {
      const nameAt = this.add(name);
      list.add(nameAt, name.length, this.add(value), value.length);
    }
  }

  bytes(): Buffer {
    return Buffer.from(this.#text, 'latin1');
  }
}
