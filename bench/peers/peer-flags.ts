// Command lines of the bench's processes: one table a process, problems on stderr, exit code 2.

import { defineFlags, parseFlags, type FlagSpec, type FlagValues } from '#config/flags.ts';
import { formatProblem } from '#config/problem.ts';
import { MESSAGE_BYTES_MIN, MESSAGE_FORMATS, TaggedMessage } from './tagged-message.ts';

const EXIT_USAGE = 2;

/** Body sizes that figures without another word are measured with. Bytes. */
export const REQUEST_BYTES = 128;
export const RESPONSE_BYTES = 256;

/** LIMIT: sizes of bodies; below what a gateway lets through by default. */
const MESSAGE_BYTES_MAX = 512 * 1024;

/** Flags about bodies, for generators and services. */
export const BODY_FLAGS = defineFlags([
  {
    name: 'format',
    type: 'string',
    description: 'Form of bodies.',
    choices: MESSAGE_FORMATS,
    default: 'json',
  },
  {
    name: 'response-bytes',
    type: 'number',
    description: 'Bytes of an answer.',
    isInteger: true,
    minimum: MESSAGE_BYTES_MIN,
    maximum: MESSAGE_BYTES_MAX,
    default: RESPONSE_BYTES,
  },
]);

/** Turns of the calibrated work per request. */
export const WORK_FLAG = {
  name: 'work-turns',
  type: 'number',
  description: 'Turns of calibrated work per request; 0: none.',
  isInteger: true,
  minimum: 0,
  default: 0,
} as const satisfies FlagSpec;

/** Flags of a service. */
export const SERVICE_FLAGS = defineFlags([
  {
    name: 'port',
    type: 'number',
    description: 'Port; 0: any.',
    isInteger: true,
    minimum: 0,
    maximum: 65_535,
    default: 0,
  },
  ...BODY_FLAGS,
]);

/** Connections that proxies of others may hold to the service, and how long unused ones stay. */
export const SOCKETS_MAX = 128;
export const KEEP_ALIVE_MS = 3_600_000;

/** Flags of a proxy. */
export const PROXY_FLAGS = defineFlags([
  {
    name: 'service-port',
    type: 'number',
    description: 'Port of the service.',
    isInteger: true,
    minimum: 1,
    maximum: 65_535,
    default: 9090,
  },
]);

/** Flags about request bodies, for generators. */
export const REQUEST_FLAGS = defineFlags([
  ...BODY_FLAGS,
  {
    name: 'request-bytes',
    type: 'number',
    description: 'Bytes of a request body.',
    isInteger: true,
    minimum: MESSAGE_BYTES_MIN,
    maximum: MESSAGE_BYTES_MAX,
    default: REQUEST_BYTES,
  },
]);

/** Reads the command line of this process; ends it when that is wrong. */
export function readOwnFlags<const Flags extends readonly FlagSpec[]>(
  flags: Flags,
): FlagValues<Flags> {
  const { values, problems } = parseFlags(process.argv.slice(2), { flags });
  if (problems.length > 0) {
    for (const problem of problems) process.stderr.write(`${formatProblem(problem)}\n`);
    process.exit(EXIT_USAGE);
  }
  return values;
}

/** The body that a service answers with. */
export function serviceMessage(flags: FlagValues<typeof BODY_FLAGS>): TaggedMessage {
  const format = flags.format === 'protobuf' ? 'protobuf' : 'json';
  return new TaggedMessage(format, flags['response-bytes']);
}
