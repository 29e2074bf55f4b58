// Prints how many turns of the calibrated work take a microsecond on the core that it is started
// on: `taskset -c 0 node bench/peers/calibrate.ts`.

import { announceResult } from '../rig/announce.ts';
import { calibrate } from './calibrated-work.ts';

announceResult({ turnsPerUs: calibrate() });
