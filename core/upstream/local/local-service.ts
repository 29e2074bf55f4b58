// A service in the process of the gateway: its handlers by operation type, and the calls whose
// answers they owe. Stands where the pools of other protocols stand; it has no connections.

import { Errors, type GatewayError } from '#core/base/errors.ts';
import type { UpstreamCounters } from '#core/telemetry/counters.ts';
import type { HostStatus, UpstreamCall, UpstreamEnvironment } from '../contract.ts';
import { fillAnswer, type LocalAnswer } from './local-answer.ts';
import { OpenLocalCall, type LocalCall } from './local-call.ts';
import { LocalTarget } from './local-target.ts';

/** Answers one request, at once or later. What it throws is 6666 for the client. */
export type LocalHandler = (call: LocalCall) => LocalAnswer | PromiseLike<LocalAnswer>;

/** The handlers of a process. */
export interface LocalHandlers {
  /** By operation type. */
  readonly handlers: ReadonlyMap<string, LocalHandler>;
  /** Told what a handler threw; the client sees only 6666. */
  handlerFailed(operationType: string, error: unknown): void;
}

/** Of a process that is no service. */
export const NO_HANDLERS: LocalHandlers = { handlers: new Map(), handlerFailed: () => {} };

/** Settings of one upstream of protocol `local`. */
export interface LocalSettings {
  readonly name: string;
  readonly responseBytesMax: number;
  readonly counters: UpstreamCounters;
}

/** One upstream of protocol `local` of one lane. */
export class LocalService {
  readonly settings: LocalSettings;
  readonly #environment: UpstreamEnvironment;
  readonly #handlers: LocalHandlers;
  readonly #nowMs: () => number;
  /** Calls whose handlers answer later. LIMIT: the exchanges of the lane. */
  readonly #open = new Map<OpenLocalCall, UpstreamCall>();
  #isClosed = false;

  constructor(settings: LocalSettings, environment: UpstreamEnvironment, handlers: LocalHandlers) {
    this.settings = settings;
    this.#environment = environment;
    this.#handlers = handlers;
    const { clock } = environment;
    this.#nowMs = () => clock.nowMs();
  }

  /** How requests of `operationType` leave; `*` stands for every operation type. */
  target(operationType: string): LocalTarget {
    return new LocalTarget(this, this.#environment.observer, operationType);
  }

  find(operationType: string): LocalHandler | undefined {
    return this.#handlers.handlers.get(operationType);
  }

  /** Lets `handler` answer `call`. */
  call(call: UpstreamCall, operationType: string, handler: LocalHandler): void {
    const { counters } = this.settings;
    const { observer } = this.#environment;
    if (this.#isClosed) {
      observer.failed(call, Errors.draining);
      return;
    }
    counters.requestsSent++;
    counters.bytesOut += call.request.bodyLength;
    call.isSent = true;
    const open = new OpenLocalCall(call, operationType, this.#nowMs);
    call.link = open;
    let answer: ReturnType<LocalHandler>;
    try {
      answer = handler(open);
    } catch (error) {
      this.#threw(call, open, error);
      return;
    }
    if (isPromise(answer)) this.#await(call, open, answer);
    else this.#answered(call, open, answer);
  }

  /** Forgets `call`: a late answer is dropped. */
  cancel(call: UpstreamCall): void {
    const { link } = call;
    if (!(link instanceof OpenLocalCall)) return;
    call.link = null;
    this.settings.counters.requestsEnded++;
    this.#open.delete(link);
    link.abort();
  }

  /** Ends the service for this gateway; open calls fail. */
  close(): void {
    this.#isClosed = true;
    for (const call of this.#open.values()) {
      this.cancel(call);
      this.#environment.observer.failed(call, Errors.draining);
    }
  }

  status(): HostStatus[] {
    const { requestsOpen } = this.settings.counters;
    const state = this.#isClosed ? 'failing' : 'ready';
    return [{ host: 'local', state, connections: 0, openRequests: requestsOpen, lastError: '' }];
  }

  #await(call: UpstreamCall, open: OpenLocalCall, answer: PromiseLike<LocalAnswer>): void {
    // A handler may have ended its own call: by closing the gateway, say.
    if (!open.isAborted) {
      call.retainRequest();
      open.keep(call.request);
      this.#open.set(open, call);
    }
    answer.then(
      (value) => this.#answered(call, open, value),
      (error: unknown) => this.#threw(call, open, error),
    );
  }

  #answered(call: UpstreamCall, open: OpenLocalCall, answer: LocalAnswer): void {
    const { counters, responseBytesMax } = this.settings;
    if (open.isAborted) {
      counters.lateResponses++;
      return;
    }
    const { response } = call;
    try {
      fillAnswer(response, answer, call.request.contentType);
    } catch (error) {
      this.#threw(call, open, error);
      return;
    }
    if (response.bodyLength > responseBytesMax) {
      this.#failed(call, open, Errors.upstreamTooLarge);
      return;
    }
    counters.bytesIn += response.bodyLength;
    this.#ended(call, open);
    this.#environment.observer.answered(call);
  }

  #threw(call: UpstreamCall, open: OpenLocalCall, error: unknown): void {
    this.#handlers.handlerFailed(open.operationType, error);
    if (open.isAborted) this.settings.counters.lateResponses++;
    else this.#failed(call, open, Errors.businessError);
  }

  #failed(call: UpstreamCall, open: OpenLocalCall, error: GatewayError): void {
    this.#ended(call, open);
    this.#environment.observer.failed(call, error);
  }

  #ended(call: UpstreamCall, open: OpenLocalCall): void {
    this.settings.counters.requestsEnded++;
    call.link = null;
    this.#open.delete(open);
    open.end();
    // The handler took its time: what follows in this batch must not count it as its own.
    this.#environment.observer.batchStarted();
  }
}

function isPromise(
  answer: LocalAnswer | PromiseLike<LocalAnswer>,
): answer is PromiseLike<LocalAnswer> {
  return (
    typeof answer === 'object' &&
    answer !== null &&
    typeof (answer as PromiseLike<LocalAnswer>).then === 'function'
  );
}
