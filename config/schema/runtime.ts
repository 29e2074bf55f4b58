// Settings of the process as a whole: threads, drain, telemetry, filters, limits that every API
// inherits. What each value does is the business of the part that reads it.

import { integer, list, number, oneOf, optional, orWord, section, text } from './kit.ts';
import { balancePolicy } from './upstreams.ts';

export const runtime = section(
  {
    workers: orWord('auto', integer({ description: 'Threads.', minimum: 0, maximum: 64 }), {
      description: 'Lanes on threads of their own; 0 runs the whole gateway on one thread.',
      default: 'auto',
      flag: 'workers',
      flagValue: 'auto|N',
      reload: 'restart',
    }),
    placement: oneOf(['adaptive', 'inline', 'pool'], {
      description: 'Which lane runs a request: the acceptor, the pool, or whichever is idle.',
      default: 'adaptive',
      flag: 'placement',
      reload: 'restart',
    }),
    laneHeapMbMax: integer({
      description: 'Heap of one lane; a lane that needs more is ended and replaced. MiB.',
      default: 512,
      minimum: 16,
      maximum: 65_536,
      reload: 'restart',
    }),
    laneHangMs: integer({
      description: 'How long a lane with requests may stand still before it is replaced.',
      default: 5000,
      minimum: 500,
      maximum: 600_000,
      reload: 'restart',
    }),
    native: oneOf(['auto', 'on', 'off'], {
      description: 'Use of the native addon; `on` fails when it is missing.',
      default: 'auto',
      flag: 'native',
      reload: 'restart',
    }),
    generation: oneOf(['mesh', 'central', 'decentralized'], {
      description: 'The kind of gateway: beside one service, in front of many, or inside one.',
      default: 'mesh',
      flag: 'generation',
      reload: 'restart',
    }),
    zone: text({
      description: 'Zone that this process stands in.',
      default: '',
      maxLength: 64,
      flag: 'zone',
      flagValue: 'NAME',
      reload: 'restart',
    }),
    app: text({
      description: 'Name of the application that this process serves.',
      default: '',
      maxLength: 128,
      flag: 'app',
      flagValue: 'NAME',
      reload: 'restart',
    }),
    drainMs: integer({
      description: 'How long open requests may take to finish after SIGTERM.',
      default: 10_000,
      minimum: 0,
      maximum: 3_600_000,
      flag: 'drain-ms',
    }),
    language: oneOf(['en', 'zh'], {
      description: 'Language of the default result texts.',
      default: 'en',
      flag: 'language',
    }),
    exchangesMax: integer({
      description: 'Open requests per lane; one more is answered 1002. Bounds memory.',
      default: 65_536,
      minimum: 1,
      maximum: 1_048_576,
      reload: 'restart',
    }),
  },
  { description: 'The process as a whole.', default: {} },
);

/** A request limit, at each place that can have one. */
export const limit = section(
  {
    qps: number({
      description: 'Requests per second that are let through in the long run.',
      exclusiveMinimum: 0,
      maximum: 10_000_000,
    }),
    burst: optional(
      number({
        description: 'Requests let through at once after a pause; `qps` (at least 1) when absent.',
        minimum: 1,
        maximum: 10_000_000,
      }),
    ),
    mode: oneOf(['block', 'monitor', 'closed'], {
      description: '`block` answers 1002, `monitor` only counts, `closed` switches the limit off.',
      default: 'block',
    }),
    response: optional(
      section(
        {
          resultStatus: optional(
            integer({
              description: 'Result code of a refused request; 1002 when absent.',
              minimum: 1000,
              maximum: 9999,
            }),
          ),
          tips: optional(text({ description: 'Text for the user instead of the default one.' })),
          result: optional(
            text({ description: 'Business body of a refused request, sent as is.' }),
          ),
        },
        { description: 'The answer that a refused request gets.' },
      ),
    ),
  },
  { description: 'Token bucket.' },
);

export const limits = section(
  {
    timeoutMs: integer({
      description: 'Time for one request, where neither the API nor its group says otherwise.',
      default: 3000,
      minimum: 1,
      maximum: 3_600_000,
      flag: 'timeout-ms',
    }),
    upstreamConnections: integer({
      description: 'Connections to each Bolt host, where the upstream does not say otherwise.',
      default: 2,
      minimum: 1,
      maximum: 256,
      flag: 'upstream-connections',
    }),
    upstreamBalance: balancePolicy({
      description: 'Spread of requests over hosts, where the upstream does not say otherwise.',
      default: 'first',
      flag: 'upstream-balance',
    }),
    default: optional(limit),
  },
  { description: 'What every API inherits.', default: {} },
);

export const filters = section(
  {
    modules: list(text({ description: 'File of a filter module.', minLength: 1 }), {
      description: 'Filter modules to load, in this order after the built-in ones.',
      default: [],
      maxItems: 64,
      flag: 'filter',
      flagValue: 'FILE',
      reload: 'restart',
    }),
  },
  { description: 'Filters of the user.', default: {} },
);

export const telemetry = section(
  {
    logLevel: oneOf(['debug', 'info', 'warn', 'error', 'silent'], {
      description: 'Least severe log line that is written.',
      default: 'info',
      flag: 'log-level',
    }),
    accessLog: text({
      description: 'File of the digest access log, or `off`.',
      default: 'off',
      minLength: 1,
      flag: 'access-log',
      flagValue: 'FILE|off',
      reload: 'restart',
    }),
    accessLogSample: number({
      description: 'Share of successful requests that are logged; failures always are.',
      default: 1,
      minimum: 0,
      maximum: 1,
    }),
  },
  { description: 'Logs.', default: {} },
);
