// Suite `http`: HTTP/1.1 to HTTP/1.1 at 16 connections beside proxies of others, over the same
// service and with the same bytes, session cookie included. autocannon costs more than most of the
// proxies: it is the limit of the rate (`load CPUs` near 1), so CPU per request is the figure to
// compare, not qps.

import { HTTP_PEERS, type HttpPeer } from '../peers/http-peers.ts';
import { cpuRatios, runRounds, summarize, type RatioSpec, type RoundCase } from '../rounds.ts';
import type { SkippedCase, SuiteResult } from '../report.ts';
import type { Child } from '../rig/child.ts';
import { OPERATION, type SessionMode } from '../rig/gateway-config.ts';
import { Rig } from '../rig/rig.ts';
import { selectCases, type BenchOptions, type ProfiledSuite, type Suite } from '../suite.ts';

const CONNECTIONS = 16;

/** One case. */
interface HttpCase {
  readonly name: string;
  /** How our side checks the cookie; null: a proxy of others stands there. */
  readonly session: SessionMode | null;
  readonly peer: HttpPeer | null;
}

const CHECKED = `http-${CONNECTIONS}`;
const UNCHECKED = `${CHECKED}-none`;

export const HTTP_CASES: readonly HttpCase[] = [
  { name: CHECKED, session: 'cold', peer: null },
  { name: UNCHECKED, session: 'none', peer: null },
  ...HTTP_PEERS.map((peer) => ({ name: caseName(peer), session: null, peer })),
];

function caseName({ name }: HttpPeer): string {
  return `${name}-${CONNECTIONS}`;
}

const RATIOS: readonly RatioSpec[] = [
  ...HTTP_PEERS.flatMap((peer): RatioSpec[] => {
    const lower = caseName(peer);
    const checked = { name: `cpuOver${peer.title}`, upper: CHECKED, lower };
    // Who checks sessions is compared with who checks them.
    if (peer.checksSession) return [checked];
    return [checked, { name: `cpuWithoutCheckOver${peer.title}`, upper: UNCHECKED, lower }];
  }),
  { name: 'cpuColdOverNone', upper: CHECKED, lower: UNCHECKED },
];

/** Starts what a case is about, in front of a service. */
async function startProxy(
  spec: HttpCase,
  rig: Rig,
  service: Child,
  nodeFlags: readonly string[] = [],
): Promise<Child> {
  const port = service.port('service');
  if (spec.peer !== null) return spec.peer.start(rig, port);
  return rig.startGateway({ upstream: 'http', session: spec.session ?? 'none' }, port, nodeFlags);
}

/** Loads a proxy once. */
export function measureProxy(proxy: Child, rig: Rig, options: BenchOptions) {
  return rig.runLoad({
    generator: 'http-load',
    seconds: options.seconds,
    warmUpMs: options.warmUpMs,
    flags: {
      port: proxy.port('http'),
      watch: proxy.pid,
      operation: OPERATION,
      connections: CONNECTIONS,
      // The same bytes for all: who does not check the cookie carries it all the same.
      'session-keys': rig.keysFile,
    },
  });
}

export const httpSuite: Suite = {
  name: 'http',
  summary: 'HTTP to HTTP beside other proxies, with and without session check',
  async run(options: BenchOptions): Promise<SuiteResult> {
    const chosen = selectCases(HTTP_CASES, options.cases);
    const skipped: SkippedCase[] = [];
    const rig = new Rig();
    try {
      const service = await rig.startService('http');
      const cases: RoundCase[] = [];
      for (const spec of chosen) {
        const reason = spec.peer?.missing() ?? null;
        if (reason !== null) {
          skipped.push({ name: spec.name, reason });
          continue;
        }
        const proxy = await startProxy(spec, rig, service);
        cases.push({ name: spec.name, measure: () => measureProxy(proxy, rig, options) });
      }
      const measured = await runRounds(cases, options.rounds, options.onProgress);
      return {
        cases: cases.map(({ name }) => summarize(name, measured.get(name) ?? [])),
        ratios: cpuRatios(RATIOS, measured),
        skipped,
      };
    } finally {
      await rig.close();
    }
  },
};

/** Cases with their gateway under the profiler. */
export const httpProfile: ProfiledSuite = {
  name: 'http',
  cases: HTTP_CASES.filter(({ session }) => session !== null).map(({ name }) => name),
  defaultCase: 'http-16',
  async measure(name, rig, options, nodeFlags) {
    const spec = HTTP_CASES.find((entry) => entry.name === name)!;
    const gateway = await startProxy(spec, rig, await rig.startService('http'), nodeFlags);
    return { gateway, result: await measureProxy(gateway, rig, options) };
  },
};
