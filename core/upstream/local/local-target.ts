// HOT PATH. How requests of one API reach their handler: found once, when the snapshot is compiled.

import { Errors } from '#core/base/errors.ts';
import type { UpstreamCall, UpstreamObserver } from '../contract.ts';
import type { LocalHandler, LocalService } from './local-service.ts';

const ANY_OPERATION = '*';

/** A `CompiledTarget` of an API whose service is in this process. */
export class LocalTarget {
  readonly upstreamName: string;
  readonly #service: LocalService;
  readonly #observer: UpstreamObserver;
  readonly #operationType: string;
  /** Of the operation type, or of `*` for what has none of its own. */
  readonly #handler: LocalHandler | undefined;

  constructor(service: LocalService, observer: UpstreamObserver, operationType: string) {
    this.upstreamName = service.settings.name;
    this.#service = service;
    this.#observer = observer;
    this.#operationType = operationType;
    this.#handler = service.find(operationType) ?? service.find(ANY_OPERATION);
  }

  send(call: UpstreamCall): void {
    let name = this.#operationType;
    let handler = this.#handler;
    if (name === ANY_OPERATION) {
      // Requests of the default API name their own operation.
      name = operationOf(call);
      handler = this.#service.find(name) ?? handler;
    }
    if (handler === undefined) this.#observer.failed(call, Errors.serviceNotFound);
    else this.#service.call(call, name, handler);
  }

  cancel(call: UpstreamCall): void {
    this.#service.cancel(call);
  }

  /** Answers are never streamed. */
  resumeStream(): void {}
}

function operationOf({ request }: UpstreamCall): string {
  const { source, operationOffset, operationLength } = request;
  return source.latin1Slice(operationOffset, operationOffset + operationLength);
}
