// The decentralized gateway, package export `mesh-gateway/embedded`: the same pipeline inside a
// service's process, calling the service's own functions. It composes what a sidecar composes; its
// configuration is an object in place of flags and files, checked by the same code.
// See docs/embedded.md.

import { systemClock } from '#core/base/clock.ts';
import type { LocalCall } from '#core/upstream/local/local-call.ts';
import type { LocalHandler, LocalHandlers } from '#core/upstream/local/local-service.ts';
import { loadConfig, snapshotFromValue } from '#config/load.ts';
import { formatProblem, type Problem } from '#config/problem.ts';
import { EMBEDDED_DEFAULTS } from '#config/role-defaults.ts';
import { Acceptor } from './acceptor.ts';
import { AcceptorSource } from './admin/acceptor-source.ts';
import { AdminServer } from './admin/admin-server.ts';
import { InputError } from './lane.ts';
import { ProcessLog } from './log.ts';
import { packageVersion } from './package-version.ts';

/** A request as a handler sees it. */
export type EmbeddedCall = LocalCall;

/** Answers one request: text (JSON), bytes, or `{ body, contentType, headers }`; now or later. */
export type EmbeddedHandler = LocalHandler;

const ROLE = 'embedded';

/** Name of the configuration in messages. */
const WHERE = 'config';

/** What a service gives its gateway. */
export interface EmbeddedGatewayOptions {
  /**
   * Configuration as a file would have it (docs/reference/config.md). Other defaults than a
   * sidecar's: ports 8001 (HTTP) and 8002 (Mmtp), no admin port, and, without any upstream, one
   * named `service` of protocol `local`.
   */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Answers requests, by operation type; `*` takes what has no handler of its own. */
  readonly handlers: Readonly<Record<string, EmbeddedHandler>>;
  /** Directory that relative file names start from; the working directory when absent. */
  readonly cwd?: string;
  /** Told what a handler threw; the gateway logs it when absent. */
  readonly onHandlerError?: (operationType: string, error: unknown) => void;
}

/** A configuration that is refused, with every problem found; the message has one a line. */
export class EmbeddedConfigError extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(formatProblem).join('\n'));
    this.name = 'EmbeddedConfigError';
    this.problems = problems;
  }
}

/** Ports that are bound, by listener. */
export type EmbeddedPorts = Readonly<Partial<Record<'http' | 'mmtp' | 'admin', number>>>;

/** A running gateway in this process. An interface: users need not see what it is made of. */
export interface EmbeddedGateway {
  /** Bound ports; a listener that is off is missing. */
  readonly ports: EmbeddedPorts;

  /** What `GET /stats` of a sidecar answers: counters and figures by API. */
  stats(): Promise<object>;

  /** The metrics as Prometheus text, for a service that has an endpoint of its own. */
  metricsText(): Promise<string>;

  /**
   * Replaces the configuration for new requests; settings of listeners need a restart.
   *
   * @throws EmbeddedConfigError when it is refused; the one before stays in force
   */
  apply(config: Readonly<Record<string, unknown>>): Promise<void>;

  /**
   * Stops accepting, tells clients, answers what is open within `runtime.drainMs`, ends the rest.
   * The service's own work goes on; call it before the service ends what its handlers need.
   */
  close(): Promise<void>;
}

class RunningGateway implements EmbeddedGateway {
  readonly ports: EmbeddedPorts;
  readonly #acceptor: Acceptor;
  readonly #source: AcceptorSource;
  readonly #admin: AdminServer | null;

  constructor(
    acceptor: Acceptor,
    source: AcceptorSource,
    admin: AdminServer | null,
    ports: EmbeddedPorts,
  ) {
    this.#acceptor = acceptor;
    this.#source = source;
    this.#admin = admin;
    this.ports = ports;
  }

  stats(): Promise<object> {
    return this.#source.stats();
  }

  metricsText(): Promise<string> {
    return this.#source.metricsText();
  }

  async apply(config: Readonly<Record<string, unknown>>): Promise<void> {
    const { base } = this.#acceptor;
    const result = await this.#acceptor.apply(
      await snapshotFromValue(withUpstream(config), base, WHERE),
    );
    if (!result.ok) throw new EmbeddedConfigError(result.problems);
  }

  async close(): Promise<void> {
    await this.#acceptor.drain();
    await this.#admin?.close();
    await this.#acceptor.close();
  }
}

/**
 * Starts a gateway in this process, on this thread.
 *
 * @throws EmbeddedConfigError for a configuration that is not right
 * @throws Error when a port is in use
 */
export async function startEmbeddedGateway(
  options: EmbeddedGatewayOptions,
): Promise<EmbeddedGateway> {
  const cwd = options.cwd ?? process.cwd();
  const builtIn = { name: WHERE, value: withUpstream(options.config ?? {}) };
  const loaded = await loadConfig({ argv: [], env: {}, cwd, builtIn, role: EMBEDDED_DEFAULTS });
  if (!loaded.ok) throw new EmbeddedConfigError(loaded.problems);
  const { config, warnings } = loaded.snapshot;
  const unfit = threadProblems(config.runtime.workers);
  if (unfit.length > 0) throw new EmbeddedConfigError(unfit);
  const log = new ProcessLog({ level: config.telemetry.logLevel, role: ROLE, clock: systemClock });
  for (const warning of warnings) log.warn(warning);
  const handlers = handlersOf(options, log);
  let acceptor: Acceptor;
  try {
    acceptor = await Acceptor.create({ ...loaded, log, cwd, handlers });
  } catch (error) {
    throw error instanceof InputError ? new EmbeddedConfigError(error.problems) : error;
  }
  return open(acceptor);
}

/** The service's own upstream, unless the configuration names any: no default, which would stay. */
function withUpstream(config: Readonly<Record<string, unknown>>): object {
  return { ...config, upstreams: config['upstreams'] ?? { service: { protocol: 'local' } } };
}

function threadProblems(workers: number | 'auto'): readonly Problem[] {
  if (workers === 0) return [];
  const reason = 'an embedded gateway runs on the thread of its service';
  return [{ path: 'runtime.workers', message: `is ${workers}; ${reason}: remove the setting` }];
}

async function open(acceptor: Acceptor): Promise<EmbeddedGateway> {
  const { host, adminPort, adminOpen, adminTokenFile } = acceptor.snapshot.config.listeners;
  const source = new AcceptorSource(acceptor, packageVersion(), ROLE);
  try {
    const ports = await acceptor.open();
    if (adminPort === 'off') return new RunningGateway(acceptor, source, null, ports);
    const tokenFile = adminTokenFile ?? `.mgw/admin-${process.pid}-${adminPort}.token`;
    const admin = await AdminServer.listen({
      host,
      port: adminPort,
      access: adminOpen ? 'open' : { tokenFile },
      source,
      onError: (error) => acceptor.log.error('admin handler failed', { error: String(error) }),
    });
    return new RunningGateway(acceptor, source, admin, { ...ports, admin: admin.port });
  } catch (error) {
    await acceptor.close();
    throw error;
  }
}

function handlersOf(options: EmbeddedGatewayOptions, log: ProcessLog): LocalHandlers {
  const { handlers, onHandlerError } = options;
  return {
    handlers: new Map(Object.entries(handlers)),
    handlerFailed(operationType, error) {
      if (onHandlerError !== undefined) {
        try {
          onHandlerError(operationType, error);
          return;
        } catch (second) {
          log.warnLimited('handler-error-hook', 'onHandlerError threw', { error: String(second) });
        }
      }
      log.warnLimited('handler-threw', 'a handler threw', {
        operationType,
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
    },
  };
}
