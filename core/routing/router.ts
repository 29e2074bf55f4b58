// HOT PATH. Operation type -> API, compared as bytes: a request's operation type is never made a
// string. One immutable table per configuration snapshot.

import { fnv1a } from '#core/base/fnv.ts';
import type { RequestMessage } from '#core/codec/message.ts';
import type { Api } from '#core/pipeline/api.ts';

/** Slots per API: a load of at most one half keeps probes short. */
const SLOTS_PER_API = 2;

const FIRST_SLOTS = 16;

/** LIMIT: bytes of an operation type; what is longer is no name. The wire formats say the same. */
const OPERATION_BYTES_MAX = 128;

interface Entry {
  readonly name: Buffer;
  readonly api: Api;
}

const DOT = 0x2e;

/** Characters that an operation type has: A-Z a-z 0-9 . _ - */
const IS_OPERATION_CHARACTER = new Uint8Array(256);
for (const character of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-') {
  IS_OPERATION_CHARACTER[character.charCodeAt(0)] = 1;
}

/** What a {@link Router} is made of. */
export interface RouterOptions {
  readonly revision: number;
  /** All APIs, the default one included. */
  readonly apis: readonly Api[];
  /** Stands for everything that is not there. */
  readonly unknownApi: Api;
}

/** Routing table of one snapshot. */
export class Router {
  readonly revision: number;
  readonly apis: readonly Api[];
  readonly defaultApi: Api | null;
  readonly unknownApi: Api;
  readonly #entries: (Entry | null)[];
  readonly #mask: number;

  constructor(options: RouterOptions) {
    this.revision = options.revision;
    this.apis = options.apis;
    this.defaultApi = options.apis.find(({ isDefault }) => isDefault) ?? null;
    this.unknownApi = options.unknownApi;
    let slots = FIRST_SLOTS;
    while (slots < options.apis.length * SLOTS_PER_API) slots *= 2;
    this.#mask = slots - 1;
    this.#entries = Array.from({ length: slots }, () => null);
    for (const api of options.apis) if (!api.isDefault) this.#add(api);
  }

  /** The API that `request` is for; {@link Router.unknownApi} when there is none. */
  find(request: RequestMessage): Api {
    const { source, operationOffset, operationLength } = request;
    if (operationLength === 0) return this.unknownApi;
    let slot = fnv1a(source, operationOffset, operationLength) & this.#mask;
    for (;;) {
      const entry = this.#entries[slot]!;
      if (entry === null) break;
      if (equals(entry.name, source, operationOffset, operationLength)) {
        return request.isPathRouted && !entry.api.isPathRouted ? this.unknownApi : entry.api;
      }
      slot = (slot + 1) & this.#mask;
    }
    const { defaultApi } = this;
    if (defaultApi === null || request.isPathRouted) return this.unknownApi;
    return isOperationType(source, operationOffset, operationLength) ? defaultApi : this.unknownApi;
  }

  #add(api: Api): void {
    const name = Buffer.from(api.operationType, 'latin1');
    let slot = fnv1a(name, 0, name.length) & this.#mask;
    while (this.#entries[slot] !== null) slot = (slot + 1) & this.#mask;
    this.#entries[slot] = { name, api };
  }
}

function equals(name: Buffer, source: Buffer, offset: number, length: number): boolean {
  if (name.length !== length) return false;
  for (let i = 0; i < length; i++) if (name[i] !== source[offset + i]) return false;
  return true;
}

/** Dots alone are refused: in a path they would mean another folder. */
function isOperationType(source: Buffer, offset: number, length: number): boolean {
  if (length > OPERATION_BYTES_MAX) return false;
  let isName = false;
  for (let i = 0; i < length; i++) {
    const byte = source[offset + i]!;
    if (IS_OPERATION_CHARACTER[byte] === 0) return false;
    isName ||= byte !== DOT;
  }
  return isName;
}
