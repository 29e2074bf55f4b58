// The cases of the suite `mmtp`, and which of them are compared: upstreams, connections x streams,
// sessions, and what stands where the gateway does.

import type { RatioSpec } from '../rounds.ts';
import type { GatewaySetup, SessionMode, UpstreamKind } from '../rig/gateway-config.ts';

/** Streams per connection that an open loop may have open: what a gateway allows by default. */
export const OPEN_LOOP_STREAMS = 4096;

/** What is offered to a gateway. */
export interface MmtpLoad extends GatewaySetup {
  readonly connections: number;
  readonly streams: number;
  /** Of an open loop; at an even pace unless given. */
  readonly arrivals?: 'even' | 'random';
}

/** What stands where the gateway does, to compare it with. */
export type PeerName = 'direct' | 'floor' | 'mosn';

/** One case. */
export interface MmtpCase extends MmtpLoad {
  readonly name: string;
  /** Name of the closed-loop case at whose half rate requests are offered; null: closed loop. */
  readonly halfOf: string | null;
  /** What stands between generator and service. */
  readonly proxy: 'gateway' | PeerName;
}

const SIZES = ['1x1', '16x1', '16x16', '64x16'] as const;
/** Sizes at which the floor is measured too. */
const FLOOR_SIZES: readonly string[] = ['1x1', '16x1', '16x16'];
/** Sizes whose ratios to others have targets. */
const TARGET_SIZES: readonly string[] = ['16x16', '16x1'];
const UPSTREAMS: readonly UpstreamKind[] = ['bolt', 'http'];
const SESSIONS: readonly SessionMode[] = ['cold', 'cached', 'none'];

/**
 * What the open loop takes half the rate of. Its requests come one by one, as those of 16x1 do;
 * the rate of 16x16 rests on batches, and half of it can be more than there is without them.
 */
const HALF_SIZE = '16x1';

const DIRECT_HALF = `direct-bolt-${HALF_SIZE}-half`;

/** Sizes and sessions of a smoke run: each kind of process and each code path once. */
export const SMOKE_CASES: readonly string[] = [
  'mmtp-bolt-1x1',
  'mmtp-bolt-16x16',
  'floor-16x16',
  'mosn-bolt-16x16',
  'mmtp-bolt-16x16-cached',
  'mmtp-bolt-16x16-none',
  'mmtp-bolt-16x1-half',
  DIRECT_HALF,
  'mmtp-http-16x16',
];

/** All cases. A name without a session mode means `cold`. */
export const MMTP_CASES: readonly MmtpCase[] = UPSTREAMS.flatMap((upstream) => [
  ...SIZES.flatMap((size) => {
    const [cold, ...others] = SESSIONS.map((session) => closedLoop(upstream, size, session));
    // Right behind the case that it is compared with.
    const peers = upstream === 'bolt' ? peersAt(size) : [];
    return [cold!, ...peers, ...others];
  }),
  openLoop(closedLoop(upstream, HALF_SIZE, 'cold')),
  ...(upstream === 'bolt' ? [directAt(HALF_SIZE)] : []),
]);

function closedLoop(upstream: UpstreamKind, size: string, session: SessionMode): MmtpCase {
  const [connections = 1, streams = 1] = size.split('x').map(Number);
  const name = caseName(upstream, size, session);
  return { name, upstream, session, connections, streams, halfOf: null, proxy: 'gateway' };
}

function peersAt(size: string): readonly MmtpCase[] {
  const cold = closedLoop('bolt', size, 'cold');
  const floor: MmtpCase = { ...cold, name: `floor-${size}`, proxy: 'floor' };
  // Bolt has no place for a session.
  const mosn: MmtpCase = { ...cold, name: mosnName(size), session: 'none', proxy: 'mosn' };
  return [
    ...(FLOOR_SIZES.includes(size) ? [floor] : []),
    ...(TARGET_SIZES.includes(size) ? [mosn] : []),
  ];
}

/** The open loop of `size` at the gateway's rate, without the gateway. */
function directAt(size: string): MmtpCase {
  const half = openLoop(closedLoop('bolt', size, 'cold'));
  return { ...half, name: DIRECT_HALF, session: 'none', proxy: 'direct' };
}

function mosnName(size: string): string {
  return `mosn-bolt-${size}`;
}

function openLoop(closed: MmtpCase): MmtpCase {
  const { name } = closed;
  return { ...closed, name: `${name}-half`, streams: OPEN_LOOP_STREAMS, halfOf: name };
}

function caseName(upstream: UpstreamKind, size: string, session: SessionMode): string {
  return `mmtp-${upstream}-${size}${session === 'cold' ? '' : `-${session}`}`;
}

/** What the gateway does over moving bytes, by size. */
const FLOOR_RATIOS: readonly RatioSpec[] = TARGET_SIZES.map((size) => {
  const upper = caseName('bolt', size, 'cold');
  return { name: `cpuOverFloor ${size}`, upper, lower: `floor-${size}` };
});

/** What a verified session and an HTTP upstream cost, by size. */
const COST_RATIOS: readonly RatioSpec[] = SIZES.flatMap((size) => [
  ...UPSTREAMS.flatMap((upstream) => {
    const cold = caseName(upstream, size, 'cold');
    return [
      { name: `cpuColdOverNone ${cold}`, upper: cold, lower: caseName(upstream, size, 'none') },
      { name: `cpuCachedOverCold ${cold}`, upper: caseName(upstream, size, 'cached'), lower: cold },
    ];
  }),
  {
    name: `cpuHttpOverBolt ${size}`,
    upper: caseName('http', size, 'cold'),
    lower: caseName('bolt', size, 'cold'),
  },
]);

/** What the gateway adds to response times, at the same rate. */
export const ADDED: RatioSpec = {
  name: '',
  upper: openLoop(closedLoop('bolt', HALF_SIZE, 'cold')).name,
  lower: DIRECT_HALF,
};

/** The gateway with its session check over MOSN without, by size; named by the figure. */
export const MOSN_RATIOS: readonly RatioSpec[] = TARGET_SIZES.map((size) => {
  const upper = caseName('bolt', size, 'cold');
  return { name: `OverMosn ${size}`, upper, lower: mosnName(size) };
});

/** Ratios of CPU per request. */
export const CPU_RATIOS: readonly RatioSpec[] = [...FLOOR_RATIOS, ...COST_RATIOS];
