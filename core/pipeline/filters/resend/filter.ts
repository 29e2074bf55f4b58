// Mmtp clients on weak networks repeat requests that they mark CAN_RESEND and name by REQUEST_ID. A
// repetition of a running request joins it; of a finished one it gets the kept answer; when that is
// not held any more it runs again only if the API is idempotent. Requests without the mark pass by.

import type { Clock } from '#core/base/clock.ts';
import { Errors } from '#core/base/errors.ts';
import { HEADER_WORDS, type ResponseMessage } from '#core/codec/message.ts';
import { FrameFlag } from '#core/codec/mmtp/types.ts';
import { SID_BYTES } from '#core/codec/session/types.ts';
import { PROTOCOL_MMTP_BIT } from '../../api.ts';
import type { Exchange } from '../../exchange.ts';
import { FilterStatus, type Filter, type FilterFactory } from '../../filter.ts';
import {
  ResendEntry,
  WAITERS_MAX,
  type KeptAnswer,
  type ResendTable,
  type ResendWaiter,
} from './resend-table.ts';

/** De-duplicates repeated requests of one lane. */
export function createResendFilterFactory(table: ResendTable, clock: Clock): FilterFactory {
  return {
    name: 'resend',
    maturity: 'stable',
    phases: ['requestBody', 'complete'],
    create({ api, stateIndex }) {
      if ((api.protocols & PROTOCOL_MMTP_BIT) === 0 || api.isUnknown) return null;
      return resendFilter(table, clock, stateIndex, api.isIdempotent);
    },
  };
}

function resendFilter(
  table: ResendTable,
  clock: Clock,
  stateIndex: number,
  isIdempotent: boolean,
): Filter {
  return {
    requestBody(exchange: Exchange) {
      const { request } = exchange;
      if ((request.flags & FrameFlag.canResend) === 0) return FilterStatus.continue;
      if (request.requestIdLength === 0) return FilterStatus.continue;
      const owner = ownerOf(exchange);
      if (owner === '') return FilterStatus.continue;
      const key = keyOf(exchange, owner);
      const known = table.find(key, clock.nowMs());
      if (known === undefined) return start(exchange, table, stateIndex, owner, key);
      if (known.isRunning) return join(exchange, known, stateIndex);
      if (known.answer !== null) {
        fill(exchange, known.answer);
        return FilterStatus.reply;
      }
      if (isIdempotent) return FilterStatus.continue;
      exchange.refuse(Errors.resendAnswerLost);
      return FilterStatus.reply;
    },

    complete(exchange: Exchange) {
      const part = exchange.filterState[stateIndex] as ResendEntry | ResendWaiter | undefined;
      if (part === undefined) return;
      exchange.filterState[stateIndex] = undefined;
      if (!(part instanceof ResendEntry)) {
        table.leave(part);
        return;
      }
      const wasAnswered =
        exchange.error !== Errors.clientAborted && exchange.error !== Errors.clientCancelled;
      table.finish(part, wasAnswered ? keep(exchange) : null, clock.nowMs());
    },
  };
}

/**
 * Whose request it is; '' for nobody's. The session names the user where there is a valid one: a
 * device id is only claimed, and must not open the answer of another user.
 */
function ownerOf({ request, session, hasSession }: Exchange): string {
  if (hasSession) {
    const { sidOffset } = session;
    return `s${session.source.latin1Slice(sidOffset, sidOffset + SID_BYTES)}`;
  }
  const { source, deviceSource, deviceIdOffset, deviceIdLength } = request;
  if (deviceIdLength === 0) return '';
  const device = deviceSource ?? source;
  return `d${device.latin1Slice(deviceIdOffset, deviceIdOffset + deviceIdLength)}\0`;
}

/** Who and what is repeated. */
function keyOf({ api, request }: Exchange, owner: string): string {
  const { source, requestIdOffset, requestIdLength } = request;
  const id = source.latin1Slice(requestIdOffset, requestIdOffset + requestIdLength);
  return `${owner}${api?.operationType ?? ''}\0${id}`;
}

/** Without room for it a request does not run: nothing would stop its repetition. */
function start(
  exchange: Exchange,
  table: ResendTable,
  stateIndex: number,
  owner: string,
  key: string,
): FilterStatus {
  const entry = table.start(owner, key);
  if (entry === null) {
    exchange.refuse(Errors.limitedByStreams);
    return FilterStatus.reply;
  }
  exchange.filterState[stateIndex] = entry;
  return FilterStatus.continue;
}

function join(exchange: Exchange, running: ResendEntry, stateIndex: number): FilterStatus {
  if (running.waiters.length >= WAITERS_MAX) {
    exchange.refuse(Errors.limitedByStreams);
    return FilterStatus.reply;
  }
  const { serial, resumer } = exchange;
  const tell = (answer: KeptAnswer | null): boolean => {
    if (exchange.serial !== serial) return false;
    if (answer === null) {
      // The one that ran was given up: this repetition takes its place.
      exchange.filterState[stateIndex] = running;
      resumer.resume(exchange, serial, FilterStatus.continue);
      return true;
    }
    fill(exchange, answer);
    resumer.resume(exchange, serial, FilterStatus.reply);
    return true;
  };
  const waiter: ResendWaiter = { entry: running, tell };
  exchange.filterState[stateIndex] = waiter;
  running.waiters.push(waiter);
  return FilterStatus.pause;
}

function keep({ response }: Exchange): KeptAnswer {
  const { bodySource, bodyOffset, bodyLength } = response;
  return {
    resultCode: response.resultCode,
    contentType: response.contentType,
    memo: response.memo,
    tips: response.tips,
    headers: headerTexts(response),
    body: Buffer.from(bodySource.subarray(bodyOffset, bodyOffset + bodyLength)),
  };
}

function headerTexts({ headers, headerSource, added }: ResponseMessage): string[] {
  const texts: string[] = [];
  const { words } = headers;
  for (let at = 0; at < headers.count * HEADER_WORDS; at += 2) {
    texts.push(headerSource.latin1Slice(words[at]!, words[at]! + words[at + 1]!));
  }
  return [...texts, ...added];
}

/** The kept answer is the one that the client would have got: what filters added is in it. */
function fill({ response }: Exchange, answer: KeptAnswer): void {
  response.reset();
  response.resultCode = answer.resultCode;
  response.contentType = answer.contentType;
  response.memo = answer.memo;
  response.tips = answer.tips;
  response.added.push(...answer.headers);
  response.bodySource = answer.body;
  response.bodyLength = answer.body.length;
  response.isFinal = true;
}
