// Suite `http`: HTTP/1.1 to HTTP/1.1 at 16 connections beside nginx, over the same service and with
// the same bytes, session cookie included. autocannon costs more than any of the proxies: it is the
// limit of the rate (`load CPUs` near 1), so CPU per request is the figure to compare, not qps.

import { hasNginx, NGINX_MISSING, startNginx } from '../peers/nginx.ts';
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
  /** How our side checks the cookie; null: nginx, which does not. */
  readonly session: SessionMode | null;
}

const HTTP_CASES: readonly HttpCase[] = [
  { name: 'http-16', session: 'cold' },
  { name: 'http-16-none', session: 'none' },
  { name: 'nginx-16', session: null },
];

const RATIOS: readonly RatioSpec[] = [
  { name: 'cpuOverNginx', upper: 'http-16', lower: 'nginx-16' },
  { name: 'cpuWithoutCheckOverNginx', upper: 'http-16-none', lower: 'nginx-16' },
  { name: 'cpuColdOverNone', upper: 'http-16', lower: 'http-16-none' },
];

/** Starts what a case is about, in front of a service. */
async function startProxy(
  spec: HttpCase,
  rig: Rig,
  service: Child,
  nodeFlags: readonly string[] = [],
): Promise<Child> {
  const port = service.port('service');
  if (spec.session === null) return startNginx(rig, port);
  return rig.startGateway({ upstream: 'http', session: spec.session }, port, nodeFlags);
}

/** Loads a proxy once. */
function measureProxy(proxy: Child, rig: Rig, options: BenchOptions) {
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
  summary: 'HTTP to HTTP beside nginx, with and without session check',
  async run(options: BenchOptions): Promise<SuiteResult> {
    const chosen = selectCases(HTTP_CASES, options.cases);
    const skipped: SkippedCase[] = [];
    const rig = new Rig();
    try {
      const service = await rig.startService('http');
      const cases: RoundCase[] = [];
      for (const spec of chosen) {
        if (spec.session === null && !hasNginx()) {
          skipped.push({ name: spec.name, reason: NGINX_MISSING });
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
