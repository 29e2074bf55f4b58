// The processes of the headline: for each setup a service that embeds its gateway, or a sidecar and
// a Bolt service behind it. Gateway and service stand on one core together, the load on the other.
// Invariant: setups differ in what they are named by and in nothing else; handler, filters, session
// keys, runtime flags and the number of turns of work are the same.

import type { LoadResult } from '../load/tally.ts';
import { runChild, startChild, type Child } from './child.ts';
import { BOLT_TARGET, LIMIT_QPS, OPERATION } from './gateway-config.ts';
import { chosenSource, gatewayFile, prepareSource } from './gateway-source.ts';
import type { Rig } from './rig.ts';
import { GATEWAY_NODE_FLAGS, PEER_NODE_FLAGS } from './runtime-flags.ts';

/** Where the gateway is: in the service's process, or in one of its own. */
export type Generation = 'decentralized' | 'mesh';

/** What clients carry. */
export type SessionForm = 'legacy' | 'compact';

/** One gateway with its service. */
export interface HeadlineSetup {
  readonly generation: Generation;
  readonly session: SessionForm;
  /** Calibrated work per request, µs. */
  readonly workUs: number;
  /** The native addon may not be used; otherwise what the environment says. */
  readonly isTypeScript: boolean;
}

/** What is offered to a gateway. */
export interface HeadlineLoad {
  readonly connections: number;
  /** Requests open on a connection. */
  readonly streams: number;
  /** Requests per second of an open loop; 0: closed loop. */
  readonly rate: number;
  readonly sessions: number;
  readonly seconds: number;
  readonly warmUpMs: number;
}

/** What clients talk to, and the processes whose CPU time counts. */
interface Running {
  readonly gateway: Child;
  /** Null when the service is the gateway's process. */
  readonly service: Child | null;
}

/** LIMIT: calibrating takes about 100 ms. */
const CALIBRATION_MS_MAX = 20_000;

/** Setups of one run, started when the first measurement needs them. */
export class HeadlineStage {
  readonly #rig: Rig;
  readonly #nodeFlags: readonly string[];
  readonly #running = new Map<string, Running>();
  #turnsPerUs: number | null = null;

  /** @param nodeFlags further flags of the runtime that the gateways run in */
  constructor(rig: Rig, nodeFlags: readonly string[] = []) {
    this.#rig = rig;
    this.#nodeFlags = nodeFlags;
  }

  /** Measures `setup` once. */
  async measure(setup: HeadlineSetup, load: HeadlineLoad): Promise<LoadResult> {
    const { gateway, service } = await this.start(setup);
    const { seconds, warmUpMs, ...flags } = load;
    return this.#rig.runLoad({
      generator: 'mmtp-load',
      seconds,
      warmUpMs,
      flags: {
        ...flags,
        port: gateway.port('mmtp'),
        watch: gateway.pid,
        'watch-too': service?.pid ?? 0,
        operation: OPERATION,
        // The generator has its core to itself: it need not sleep, and measures what there is.
        'nap-us': 0,
        arrivals: 'random',
        format: 'protobuf',
        'session-keys': this.#rig.keysFile,
        'session-form': setup.session,
      },
    });
  }

  /** Starts what `setup` says, unless it runs already. */
  async start(setup: HeadlineSetup): Promise<Running> {
    const key = JSON.stringify(setup);
    const known = this.#running.get(key);
    if (known !== undefined) return known;
    await prepareSource(chosenSource());
    const turns = Math.round(setup.workUs * (await this.#calibrated()));
    const isMesh = setup.generation === 'mesh';
    const made = isMesh ? await this.#mesh(setup, turns) : await this.#decentralized(setup, turns);
    this.#running.set(key, made);
    return made;
  }

  /** Once a run, so that all services do the same. */
  async #calibrated(): Promise<number> {
    if (this.#turnsPerUs !== null) return this.#turnsPerUs;
    const command = [process.execPath, 'bench/peers/calibrate.ts'];
    const spec = { name: 'calibration', command, cpu: this.#rig.gatewayCpu };
    const { turnsPerUs } = await runChild(spec, CALIBRATION_MS_MAX);
    this.#turnsPerUs = Number(turnsPerUs);
    return this.#turnsPerUs;
  }

  async #decentralized(setup: HeadlineSetup, turns: number): Promise<Running> {
    const config = this.#config(setup, { protocol: 'local' }, {});
    const program = 'bench/peers/decentralized-service.ts';
    const flags = [`--config=${config}`, '--format=protobuf', `--work-turns=${turns}`];
    const argv = [...this.#nodeFlags, program, ...flags];
    const gateway = await this.#child('decentralized service', PEER_NODE_FLAGS, argv);
    return { gateway, service: null };
  }

  async #mesh(setup: HeadlineSetup, turns: number): Promise<Running> {
    const flags = ['--format=protobuf', '--handler=account', `--work-turns=${turns}`];
    const program = 'bench/peers/bolt-service.ts';
    const service = await this.#child('Bolt service', PEER_NODE_FLAGS, [program, ...flags]);
    const hosts = [`127.0.0.1:${service.port('service')}`];
    const config = this.#config(setup, { protocol: 'bolt', hosts }, BOLT_TARGET);
    const mgw = gatewayFile('cli/mgw.js', chosenSource());
    const argv = [...this.#nodeFlags, mgw, 'sidecar', `--config=${config}`];
    const gateway = await this.#child('sidecar', GATEWAY_NODE_FLAGS, argv);
    return { gateway, service };
  }

  /** @param runtime flags of Node: services of both generations have the same */
  async #child(name: string, runtime: readonly string[], argv: readonly string[]): Promise<Child> {
    const command = [process.execPath, ...runtime, ...argv];
    return this.#rig.adopt(await startChild({ name, command, cpu: this.#rig.gatewayCpu }));
  }

  /**
   * Writes the configuration of a gateway. The generation that carries legacy sessions takes
   * nothing else: it never exchanged them, and is not charged for it.
   */
  #config(setup: HeadlineSetup, upstream: object, target: object): string {
    const api = { operationType: OPERATION, session: 'required', limit: { qps: LIMIT_QPS } };
    return this.#rig.write(
      'headline.json',
      JSON.stringify({
        runtime: { workers: 0, native: nativeMode(setup) },
        listeners: { httpPort: 'off', mmtpPort: 0, adminPort: 'off' },
        telemetry: { logLevel: 'warn' },
        sessions: { keysFile: this.#rig.keysFile, accept: [setup.session], cacheEntries: 0 },
        upstreams: { service: upstream },
        apis: [{ ...api, upstream: { name: 'service', ...target } }],
      }),
    );
  }
}

/** The same word for both generations: a sidecar reads the environment, a service does not. */
function nativeMode({ isTypeScript }: HeadlineSetup): string {
  return isTypeScript || process.env['MGW_NATIVE'] === 'off' ? 'off' : 'auto';
}
