// Who may import whom, as data: the table of docs/architecture.md. A file belongs to the room with
// the longest prefix that fits its path. What is not listed is forbidden; a room may always use its
// own files. `import type` costs nothing at run time, so some rooms may name types of others.

/** One row of the table. */
export interface Room {
  /** Path prefix: a folder with its slash, or one file. */
  readonly prefix: string;
  /** Prefixes whose values, and so types, the room may import. */
  readonly values: readonly string[];
  /** Prefixes of which it may import types only. */
  readonly types: readonly string[];
  /** Node built-ins that it must not use; types of them are allowed. */
  readonly builtinsForbidden: readonly string[];
}

/** Modules that open sockets or threads. */
const SOCKETS_AND_THREADS = ['net', 'tls', 'http', 'https', 'http2', 'dgram', 'worker_threads'];

/** What makes a codec impure: sockets, threads, timers, files, processes. */
const IMPURE = [
  ...SOCKETS_AND_THREADS,
  'timers',
  'timers/promises',
  'fs',
  'fs/promises',
  'child_process',
];

const EVERYTHING = ['access/', 'bench/', 'config/', 'control/', 'core/', 'native/', 'workers/'];

/** The filter contract: what a filter sees of the pipeline. */
export const PIPELINE_CONTRACT = [
  'core/pipeline/api.ts',
  'core/pipeline/chain.ts',
  'core/pipeline/exchange.ts',
  'core/pipeline/filter.ts',
];

/** The two codec files whose classes are the request context; the rest of the codecs is types. */
const MESSAGE_MODEL = ['core/codec/message.ts', 'core/codec/session/types.ts'];

/** Where the package's files are, in whichever form the program runs. */
const PACKAGE_FILES = 'config/package-files.ts';

function room(
  prefix: string,
  values: readonly string[],
  types: readonly string[] = [],
  builtinsForbidden: readonly string[] = [],
): Room {
  return { prefix, values, types, builtinsForbidden };
}

/** The table. */
export const ROOMS: readonly Room[] = [
  room('core/base/', [], [], SOCKETS_AND_THREADS),
  room('core/codec/', ['core/base/'], [], IMPURE),
  room('core/pipeline/', ['core/base/', ...MESSAGE_MODEL], ['core/codec/']),
  room('core/pipeline/registry.ts', ['core/base/', 'core/pipeline/'], ['core/codec/']),
  room('core/pipeline/filters/', ['core/base/', 'core/codec/', ...PIPELINE_CONTRACT]),
  room('core/routing/', ['core/base/'], ['core/pipeline/', 'core/codec/message.ts']),
  room('core/telemetry/', ['core/base/'], ['core/pipeline/', 'core/codec/message.ts']),
  // The listener classifies addresses (BlockList); sockets come through the network seam.
  room('core/downstream/', ['core/base/', 'core/codec/', 'core/telemetry/']),
  room('core/upstream/', ['core/base/', 'core/codec/', 'core/telemetry/'], [], SOCKETS_AND_THREADS),
  room('core/exchange/', ['core/'], ['config/'], SOCKETS_AND_THREADS),
  // Files directly in core/ compose: gateway.ts and what it is made of. Of the configuration they
  // use types, and the one parser that reads an address the way the checks of the schema do.
  room('core/', ['core/', 'config/host-port.ts'], ['config/']),
  room('config/', ['core/base/'], ['core/']),
  // The admin API validates, explains and masks configurations, so it needs more than their types.
  room('workers/', ['core/', 'native/', PACKAGE_FILES], ['config/']),
  room('workers/admin/', ['core/', 'workers/', 'config/']),
  // A process's root like the commands of cli: the process is the service that embeds the gateway.
  room('workers/embedded.ts', ['core/', 'workers/', 'config/']),
  room('access/', [
    'core/base/',
    'core/codec/',
    'core/downstream/',
    'core/upstream/',
    'core/telemetry/',
    'config/',
  ]),
  room('control/', ['core/base/', 'config/']),
  // The kernels that the addon does not have are those of TypeScript: it extends them.
  room('native/', ['core/codec/kernels.ts', PACKAGE_FILES]),
  room('cli/', EVERYTHING),
  room('profiles/', []),
  room('bench/', [...EVERYTHING, 'cli/', 'test/', 'tools/']),
  room('test/', [...EVERYTHING, 'cli/', 'tools/']),
  room('tools/', EVERYTHING),
];

/** Where time, randomness and sockets may come from without a seam. */
export const SEAM_PREFIXES: readonly string[] = [
  'core/base/clock.ts',
  'core/network.ts',
  'core/socket-transport.ts',
  'bench/',
  'cli/',
  'test/',
  'tools/',
  'workers/',
];
