// Flags that load generators share.

import { defineFlags, type FlagSpec } from '#config/flags.ts';
import { POOL_SESSIONS } from './session-pool.ts';

/** Time before figures count: code is compiled and connections are open then. */
export const WARM_UP_MS = 1500;

/**
 * Longest sleep between two looks at the sockets, unless told otherwise: the error that it may add
 * to a latency, and the system adds its own. Without any sleep a generator would keep a service
 * from the core that they share, for milliseconds; with a core of its own it need not sleep.
 */
const NAP_US_MAX = 50;

/** Flags that all load generators have. */
export const WINDOW_FLAGS = defineFlags([
  { name: 'port', type: 'number', description: 'Port of the gateway.', default: 8004 },
  {
    name: 'connections',
    type: 'number',
    description: 'Connections.',
    isInteger: true,
    minimum: 1,
    maximum: 4096,
    default: 1,
  },
  {
    name: 'seconds',
    type: 'number',
    description: 'Length of the measured window.',
    minimum: 0.05,
    default: 3,
  },
  {
    name: 'warm-up-ms',
    type: 'number',
    description: 'Load before the window.',
    minimum: 0,
    default: WARM_UP_MS,
  },
  {
    name: 'watch',
    type: 'number',
    description: 'Process whose CPU time is read; 0: none.',
    isInteger: true,
    minimum: 0,
    default: 0,
  },
  {
    name: 'watch-too',
    type: 'number',
    description: 'A second process whose CPU time counts with the first; 0: none.',
    isInteger: true,
    minimum: 0,
    default: 0,
  },
]);

/** Flags of generators whose requests carry sessions. */
export const SESSION_FLAGS = defineFlags([
  {
    name: 'session-keys',
    type: 'string',
    value: 'FILE',
    description: 'Keys to sign sessions with; without it requests have no session.',
  },
  {
    name: 'sessions',
    type: 'number',
    description: 'Distinct sessions.',
    isInteger: true,
    minimum: 1,
    maximum: 1_000_000,
    default: POOL_SESSIONS,
  },
]);

/** What is called. */
export const OPERATION_FLAG = {
  name: 'operation',
  type: 'string',
  description: 'Operation type.',
  default: 'bench.call',
} as const satisfies FlagSpec;

/** Flags of generators that have several requests open on a connection. */
export const LOOP_FLAGS = defineFlags([
  {
    name: 'streams',
    type: 'number',
    description: 'Requests open on one connection; in an open loop the most there may be.',
    isInteger: true,
    minimum: 1,
    maximum: 4096,
    default: 1,
  },
  {
    name: 'rate',
    type: 'number',
    description: 'Open loop: requests per second over all connections; 0: closed loop.',
    minimum: 0,
    default: 0,
  },
  {
    name: 'arrivals',
    type: 'string',
    description: 'Open loop: at an even pace, or at random as of users who do not take turns.',
    choices: ['even', 'random'],
    default: 'even',
  },
  {
    name: 'nap-us',
    type: 'number',
    description: 'Open loop: longest sleep between two looks at the sockets, µs; 0: never sleeps.',
    minimum: 0,
    maximum: 1000,
    default: NAP_US_MAX,
  },
]);
