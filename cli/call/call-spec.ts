// The command line of `mgw call`.

import { defineFlags } from '#config/flags.ts';
import type { FlagValues } from '#config/flags.ts';
import type { CommandSpec } from '#config/help.ts';

/** Where a gateway listens that was started without flags. */
export const MMTP_ADDRESS_DEFAULT = '127.0.0.1:8004';

/** LIMIT: calls of one run. */
const COUNT_MAX = 100_000_000;
/** LIMIT: sockets of one process, below the usual limit on open files. */
const CONNECTIONS_MAX = 1000;
/** LIMIT: what a gateway takes at most on one connection. */
const STREAMS_MAX = 65_536;
const TIMEOUT_MS_MAX = 3_600_000;

const REQUEST = 'Request';
const TARGET = 'Gateway';
const LOAD = 'Load run';
const OUTPUT = 'Output';

const flags = defineFlags([
  {
    name: 'data',
    short: 'd',
    type: 'string',
    value: 'JSON|@FILE|-',
    description: 'Body: the text itself, a file, or standard input.',
    defaultText: '{}',
    heading: REQUEST,
  },
  {
    name: 'data-base64',
    type: 'string',
    value: 'B64',
    description: 'Body as base64 or base64url, for bytes that are no text.',
    heading: REQUEST,
  },
  {
    name: 'content-type',
    type: 'string',
    choices: ['json', 'protobuf', 'bytes'],
    default: 'json',
    description: 'What the body is said to be.',
    heading: REQUEST,
  },
  {
    name: 'session',
    type: 'string',
    value: 'FILE|TEXT|-',
    description: 'Session: its base64url text, a file that holds it, or standard input.',
    heading: REQUEST,
  },
  {
    name: 'header',
    type: 'list',
    value: "'NAME: VALUE'",
    description: 'Header for the service.',
    heading: REQUEST,
  },
  {
    name: 'device',
    type: 'string',
    value: 'ID',
    description: 'Device id that the session is bound to.',
    heading: REQUEST,
  },
  {
    name: 'timeout-ms',
    type: 'number',
    value: 'MS',
    isInteger: true,
    minimum: 1,
    maximum: TIMEOUT_MS_MAX,
    description: 'Time for one call.',
    defaultText: '10000',
    heading: REQUEST,
  },
  {
    name: 'mmtp',
    type: 'string',
    value: 'HOST:PORT',
    description: 'Mmtp port of the gateway.',
    defaultText: MMTP_ADDRESS_DEFAULT,
    heading: TARGET,
  },
  {
    name: 'http',
    type: 'string',
    value: 'URL',
    description: 'Call by HTTP instead; without a path, /mgw.htm is called.',
    heading: TARGET,
  },
  {
    name: 'count',
    short: 'n',
    type: 'number',
    isInteger: true,
    minimum: 1,
    maximum: COUNT_MAX,
    value: 'N',
    default: 1,
    description: 'Number of calls; above 1 it is a load run.',
    heading: LOAD,
  },
  {
    name: 'connections',
    short: 'c',
    type: 'number',
    isInteger: true,
    minimum: 1,
    maximum: CONNECTIONS_MAX,
    value: 'N',
    default: 1,
    description: 'Connections to call over.',
    heading: LOAD,
  },
  {
    name: 'streams',
    type: 'number',
    isInteger: true,
    minimum: 1,
    maximum: STREAMS_MAX,
    value: 'N',
    default: 1,
    description: 'Calls that are open at once on each Mmtp connection.',
    heading: LOAD,
  },
  {
    name: 'json',
    type: 'boolean',
    default: false,
    description: 'Print everything as one line of JSON.',
    heading: OUTPUT,
  },
  {
    name: 'verbose',
    short: 'v',
    type: 'boolean',
    default: false,
    description: 'Print connection, request and headers of the answer too.',
    heading: OUTPUT,
  },
]);

/** Values of the flags of `mgw call`. */
export type CallFlags = FlagValues<typeof flags>;

/** `mgw call` as its help shows it. */
export const callSpec = {
  name: 'call',
  summary: 'Calls an operation of a gateway and shows the answer, or measures many calls.',
  usage: '<operationType> [flags]',
  flags,
  positionals: { name: '<operationType>', minimum: 1, maximum: 1 },
  notes: [
    'The body of the answer goes to standard output, all else to standard error. The exit code ' +
      'is 0 when every call was answered with 1000.',
  ],
  examples: [
    `mgw call demo.echo -d '{"hello":"world"}'`,
    'mgw call demo.account.get --session "$(mgw session issue --uid 208812345)" -v',
    'mgw call demo.echo -d @request.json --http http://127.0.0.1:8003',
    'mgw call demo.echo -n 100000 -c 16 --streams 16',
  ],
} as const satisfies CommandSpec;
