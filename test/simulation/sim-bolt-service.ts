// A Bolt service of a simulation: answers with what it got, in any order, acknowledges heartbeats,
// and now and then does what broken services do.

import { DecodeStatus } from '#core/base/decode-status.ts';
import type { Transport, TransportHandler } from '#core/base/network.ts';
import { appendHeartbeat, appendHeartbeatAck, ResponseTemplate } from '#core/codec/bolt/encoder.ts';
import { BoltFrame, peekBolt } from '#core/codec/bolt/frame.ts';
import {
  ClassName,
  Codec,
  CommandCode,
  CommandType,
  Status,
  type BoltForm,
} from '#core/codec/bolt/types.ts';
import { CALM, echoOf, type Chaos } from './sim-http-service.ts';
import type { SimNetwork } from './sim-network.ts';
import type { SimRandom } from './sim-random.ts';

/** Longest time to think. Ms. */
const THINK_MS_MAX = 60;

const FRAME_BYTES_MAX = 1 << 20;

/** Starts a service on `port`. */
export function serveBolt(
  network: SimNetwork,
  port: number,
  form: BoltForm,
  chaos = CALM,
): SimBoltService {
  return new SimBoltService(network, port, form, chaos);
}

/** Serves on one port. */
export class SimBoltService {
  requests = 0;
  /** How often each body arrived. */
  readonly seen = new Map<string, number>();
  heartbeats = 0;
  /** False: heartbeats get no answer. */
  acknowledges = true;
  readonly #transports = new Set<Transport>();
  #isStalled = false;
  readonly network: SimNetwork;
  readonly random: SimRandom;
  readonly form: BoltForm;
  readonly template: ResponseTemplate;
  chaos: Chaos;

  constructor(network: SimNetwork, port: number, form: BoltForm, chaos: Chaos) {
    this.network = network;
    this.random = network.random;
    this.form = form;
    this.chaos = chaos;
    this.template = new ResponseTemplate(
      { form, codec: Codec.protobuf, className: ClassName.response, headers: [] },
      Status.success,
    );
    network.serve(port, (transport) => {
      this.#transports.add(transport);
      if (this.#isStalled) transport.pauseReading();
      return new BoltServiceConnection(this, transport);
    });
  }

  /** From now on accepts connections and reads from none, until {@link goOn}. */
  stall(): void {
    this.#isStalled = true;
    for (const transport of this.#transports) transport.pauseReading();
  }

  /** From now on reads nothing from the connection that is open longest. */
  stallOne(): void {
    for (const transport of this.#transports) {
      transport.pauseReading();
      return;
    }
  }

  /** Sends a heartbeat on every connection. */
  speak(): void {
    for (const { out } of this.#transports) appendHeartbeat(out, this.form, 1, 1000);
    for (const transport of this.#transports) transport.flushSoon();
  }

  goOn(): void {
    this.#isStalled = false;
    for (const transport of this.#transports) transport.resumeReading();
  }

  /** A connection is gone. */
  closed(transport: Transport): void {
    this.#transports.delete(transport);
  }
}

const frame = new BoltFrame();

class BoltServiceConnection implements TransportHandler {
  readonly #service: SimBoltService;
  readonly #transport: Transport;
  #isGone = false;

  constructor(service: SimBoltService, transport: Transport) {
    this.#service = service;
    this.#transport = transport;
  }

  onBytes(bytes: Buffer, start: number, end: number): number {
    let at = start;
    while (at < end) {
      const status = peekBolt(bytes, at, end, FRAME_BYTES_MAX, frame);
      if (status !== DecodeStatus.ok) break;
      at += frame.frameBytes;
      this.#received(bytes);
    }
    return at - start;
  }

  onWritable(): void {}

  onEnd(): void {
    this.#transport.destroy();
  }

  onClose(): void {
    this.#isGone = true;
    this.#service.closed(this.#transport);
  }

  #received(bytes: Buffer): void {
    const service = this.#service;
    const { requestId, contentOffset, contentLength } = frame;
    if (frame.command === CommandCode.heartbeat) {
      if (frame.type === CommandType.response) return;
      service.heartbeats++;
      if (!service.acknowledges) return;
      appendHeartbeatAck(this.#transport.out, service.form, requestId);
      this.#transport.flushSoon();
      return;
    }
    service.requests++;
    const body = bytes.latin1Slice(contentOffset, contentOffset + contentLength);
    const { random, chaos, network, seen } = service;
    seen.set(body, (seen.get(body) ?? 0) + 1);
    if (random.chance(chaos.silence)) return;
    network.later(random.below(THINK_MS_MAX), () => {
      if (this.#isGone) return;
      if (random.chance(chaos.breaks)) {
        this.#answer(requestId, body, random.chance(0.5));
        this.#transport.destroy();
      } else if (random.chance(chaos.garbage)) {
        this.#transport.out.appendLatin1('not a frame at all, for sure');
        this.#transport.flushSoon();
      } else {
        this.#answer(requestId, body, true);
      }
    });
  }

  #answer(requestId: number, body: string, isFlushed: boolean): void {
    const { out } = this.#transport;
    const answer = Buffer.from(echoOf(body), 'latin1');
    this.#service.template.append(out, requestId, answer, 0, answer.length);
    // An answer nobody asked for must hurt nobody.
    if (this.#service.random.chance(0.05)) {
      this.#service.template.append(out, 0x7fff_0000, answer, 0, answer.length);
    }
    if (isFlushed) this.#transport.flushSoon();
  }
}
