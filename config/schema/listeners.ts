// Settings of everything that clients connect to. Sizes bound memory: a peer cannot make the
// process keep more than these say.

import { flag, integer, list, oneOf, optional, orWord, section, text } from './kit.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const HOUR_MS = 3_600_000;

function port(name: string, flag: string, standard: number) {
  return orWord('off', integer({ description: 'Port.', minimum: 0, maximum: 65_535 }), {
    description: `Port of the ${name} listener; 0 takes any free one, \`off\` opens none.`,
    default: standard,
    flag,
    flagValue: 'PORT|off',
    reload: 'restart',
  });
}

function channel(name: string, flag: string) {
  return oneOf(['wireless', 'pc'], {
    description: `Channel of the ${name} listener; sessions of the other channel are refused.`,
    default: 'wireless',
    flag,
    reload: 'restart',
  });
}

function timeout(description: string, standard: number, flag?: string) {
  return integer({
    description,
    default: standard,
    minimum: 1,
    maximum: HOUR_MS,
    ...(flag === undefined ? {} : { flag }),
    reload: 'restart',
  });
}

function count(description: string, standard: number, maximum: number, flag?: string) {
  return integer({
    description,
    default: standard,
    minimum: 1,
    maximum,
    ...(flag === undefined ? {} : { flag }),
    reload: 'restart',
  });
}

function size(
  description: string,
  standard: number,
  range: readonly [minimum: number, maximum: number],
  flag?: string,
) {
  return integer({
    description,
    default: standard,
    minimum: range[0],
    maximum: range[1],
    ...(flag === undefined ? {} : { flag, flagValue: 'BYTES' }),
    reload: 'restart',
  });
}

export const listeners = section(
  {
    host: text({
      description: 'Address that all listeners bind to.',
      default: '127.0.0.1',
      minLength: 1,
      maxLength: 255,
      flag: 'host',
      flagValue: 'ADDRESS',
      reload: 'restart',
    }),
    httpPort: port('HTTP', 'http-port', 8003),
    mmtpPort: port('Mmtp', 'mmtp-port', 8004),
    adminPort: port('admin', 'admin-port', 8100),
    httpChannel: channel('HTTP', 'http-channel'),
    mmtpChannel: channel('Mmtp', 'mmtp-channel'),
    adminOpen: flag({
      description: 'Let everybody who reaches the admin port use it, without a token.',
      default: false,
      flag: 'admin-open',
      reload: 'restart',
    }),
    adminTokenFile: optional(
      text({
        description:
          'File with the admin token, left as it is; when absent, made at start and removed at ' +
          'exit. Without the setting: .mgw/admin-PID.token.',
        minLength: 1,
        flag: 'admin-token-file',
        flagValue: 'FILE',
        reload: 'restart',
      }),
    ),
    connectionsMax: count('Open client connections.', 20_000, 1_000_000, 'max-connections'),
    streamsMax: count('Open requests per Mmtp connection.', 4096, 65_536, 'max-streams'),
    frameBytesMax: size(
      'Largest Mmtp frame and largest HTTP request body.',
      MIB,
      [KIB, 16 * MIB],
      'max-frame-bytes',
    ),
    headerBytesMax: size('Largest HTTP request head.', 16_384, [KIB, 256 * KIB]),
    headersMax: count('Headers per request.', 100, 1000),
    headerTimeoutMs: timeout('Time for an HTTP request head to arrive.', 10_000),
    bodyTimeoutMs: timeout(
      'Time for an HTTP request body, or for each MiB of an Mmtp frame, to arrive.',
      30_000,
    ),
    idleTimeoutMs: timeout('Time an HTTP connection may idle between requests.', 75_000),
    mmtpIdleTimeoutMs: timeout('Time an Mmtp connection may be silent.', 60_000),
    initTimeoutMs: timeout('Time for an Mmtp connection to send INIT.', 5000),
    highWatermarkBytes: size(
      'Queued output above which a connection is not read any more.',
      256 * KIB,
      [4 * KIB, 64 * MIB],
    ),
    outputBytesMax: size('Queued output above which a connection is closed.', 8 * MIB, [
      64 * KIB,
      256 * MIB,
    ]),
    outputTotalBytesMax: size('Queued output of all connections together.', 256 * MIB, [
      MIB,
      64 * 1024 * MIB,
    ]),
    inputTotalBytesMax: size(
      'Incomplete input of all client connections of a thread together.',
      256 * MIB,
      [MIB, 64 * 1024 * MIB],
    ),
    trustedPeers: list(
      text({ description: 'Address or CIDR block.', form: 'an address or CIDR block' }),
      {
        description:
          'Peers that may tell client address and bucket (CLIENT_IP, BUCKET, X-Forwarded-For).',
        default: [],
        maxItems: 1024,
        reload: 'restart',
      },
    ),
  },
  { description: 'What clients connect to.', default: {} },
);
