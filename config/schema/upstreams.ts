// Settings of the services behind the gateway: where they are and how many connections and waiting
// requests they may have.

import {
  flag,
  integer,
  list,
  namedMap,
  oneOf,
  oneOfIntegers,
  optional,
  orWord,
  section,
  text,
  type SettingOptions,
} from './kit.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const HOUR_MS = 3_600_000;

function duration(description: string, standard: number) {
  return integer({ description, default: standard, minimum: 1, maximum: HOUR_MS });
}

function count(description: string, standard: number, maximum: number) {
  return integer({ description, default: standard, minimum: 1, maximum });
}

/** Policies of core/upstream/balance.ts, at each place that can name one. */
export function balancePolicy(options: SettingOptions) {
  return oneOf(['first', 'round-robin', 'least-open'], options);
}

const upstream = section(
  {
    protocol: oneOf(['http', 'bolt', 'local'], {
      description:
        'Protocol that the service speaks; `local`: it is in this process (embedded gateway).',
    }),
    hosts: optional(
      list(text({ description: 'One host.', minLength: 1, maxLength: 262, form: 'HOST:PORT' }), {
        description: 'Hosts as HOST:PORT; with `balance: first` the first is preferred.',
        minItems: 1,
        maxItems: 1024,
        uniqueItems: true,
      }),
    ),
    balance: balancePolicy({
      description:
        'How requests spread over hosts: the first that can be reached, each in turn, or the one ' +
        'with fewer open requests of two.',
      defaultFrom: 'limits.upstreamBalance',
    }),
    connections: integer({
      description: 'Bolt: connections per host.',
      defaultFrom: 'limits.upstreamConnections',
      minimum: 1,
      maximum: 256,
    }),
    connectionsMax: count('HTTP: connections per host and lane.', 512, 65_536),
    waitersMax: integer({
      description: 'Requests that may wait for a connection to a host; one more is answered 4002.',
      default: 4096,
      minimum: 0,
      maximum: 1_048_576,
    }),
    waitMs: duration('Time a request may wait for a connection.', 3000),
    connectTimeoutMs: duration('Time for a connection to open.', 1000),
    idleTimeoutMs: duration(
      "HTTP: idle time after which a connection is closed; below the service's own.",
      4000,
    ),
    heartbeatMs: duration('Bolt: silence after which a heartbeat is sent.', 15_000),
    heartbeatMissesMax: count(
      'Bolt: unanswered heartbeats after which a connection is closed.',
      3,
      100,
    ),
    stallMs: duration(
      'Bolt: time after which a service that takes nothing of what is queued for it, and answers ' +
        'nothing, gets no more requests until it goes on; they are answered 4002. Until then ' +
        'its clients are not read. One that takes too little has 12 times as long.',
      5000,
    ),
    reconnectMinMs: duration('First pause before a lost connection is opened again.', 50),
    reconnectMaxMs: duration('Longest pause before a lost connection is opened again.', 5000),
    responseBytesMax: integer({
      description: 'Largest answer that is accepted from the service.',
      default: 4 * MIB,
      minimum: KIB,
      maximum: 256 * MIB,
    }),
    boltVersion: oneOfIntegers([1, 2], { description: 'Bolt: protocol version.', default: 1 }),
    boltCrc: flag({ description: 'Bolt 2: send and check CRC-32.', default: false }),
    headersForward: orWord(
      '*',
      list(
        text({
          description: 'Header name.',
          pattern: '^[A-Za-z][A-Za-z0-9_-]{0,63}$',
          form: 'a header name',
        }),
        { description: 'Header names.', maxItems: 256 },
      ),
      { description: 'Request headers that the service gets; `*` for all.', default: '*' },
    ),
  },
  { description: 'One service.' },
);

export const upstreams = namedMap(upstream, {
  description: 'The services behind the gateway by name.',
  default: {},
  maxProperties: 4096,
});
