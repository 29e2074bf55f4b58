// Flags that all load generators have.

import { defineFlags } from '#config/flags.ts';
import { POOL_SESSIONS } from './session-pool.ts';

/** Time before figures count: code is compiled and connections are open then. */
export const WARM_UP_MS = 1500;

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
