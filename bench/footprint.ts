// `node bench/footprint.ts`: what a gateway with little work costs: time from spawn to its ready
// line, memory after the start, per idle connection and at 1,000 requests/s (--seconds of Mmtp to
// Bolt, every session verified). The last line is one JSON object. Exit code 2: wrong usage.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { meshConfig } from '#cli/dev/dev-config.ts';
import { ensureKeyFile } from '#cli/commands/session-key-file.ts';
import { defineFlags, parseFlags, type FlagValues } from '#config/flags.ts';
import { helpText, type CommandSpec } from '#config/help.ts';
import { formatProblem } from '#config/problem.ts';
import { wordsOf } from './compare/sides.ts';
import { median } from './report.ts';
import { startChild, type Child } from './rig/child.ts';
import {
  chosenSource,
  GATEWAY_SOURCES,
  gatewayCommand,
  prepareSource,
  SOURCE_VARIABLE,
  type GatewaySource,
} from './rig/gateway-source.ts';
import { measureIdle } from './rig/idle-connections.ts';
import { OPERATION } from './rig/gateway-config.ts';
import { readUsage } from './rig/process-usage.ts';
import { Rig } from './rig/rig.ts';
import { UsageError } from './suite.ts';

const EXIT_USAGE = 2;

const FLAGS = defineFlags([
  {
    name: 'runs',
    type: 'number',
    value: 'N',
    description: 'Starts that the median of the time to ready is of.',
    isInteger: true,
    minimum: 1,
    maximum: 1000,
    default: 8,
  },
  {
    name: 'connections',
    type: 'number',
    value: 'N',
    description: 'Idle connections, of Mmtp and of HTTP each.',
    isInteger: true,
    minimum: 1,
    maximum: 100_000,
    default: 10_000,
  },
  {
    name: 'seconds',
    type: 'number',
    value: 'N',
    description: 'Length of the calm traffic.',
    minimum: 0.1,
    maximum: 3600,
    default: 60,
  },
  {
    name: 'node-flags',
    type: 'string',
    value: 'FLAGS',
    description: 'Flags of Node for the gateway with traffic, behind those of the launcher.',
  },
  {
    name: 'source',
    type: 'string',
    description: 'Code of the gateways: what `npm run build` makes of it, or the sources.',
    choices: GATEWAY_SOURCES,
    defaultText: `$${SOURCE_VARIABLE} or ${GATEWAY_SOURCES[0]}`,
  },
]);

const COMMAND: CommandSpec<typeof FLAGS> = {
  name: 'footprint',
  typed: 'node bench/footprint.ts',
  summary: 'Measures the start of a gateway, and its memory at rest and with little traffic.',
  usage: '[flags]',
  flags: FLAGS,
  examples: [
    'node bench/footprint.ts --runs 3 --connections 500 --seconds 2',
    'node bench/footprint.ts --seconds 10 --node-flags="--max-semi-space-size=4"',
  ],
};

const PORTS = ['--http-port=0', '--mmtp-port=0', '--admin-port=0'];

function startGateway(source: GatewaySource, flags: readonly string[]): Promise<Child> {
  const command = [...gatewayCommand(source), ...PORTS, ...flags];
  return startChild({ name: 'gateway', command, cpu: null });
}

/** Median of the times to ready, in ms, and the memory after the last start, in MiB. */
async function measureStart(
  source: GatewaySource,
  flags: readonly string[],
  runs: number,
): Promise<{ readyMs: number; rssMb: number }> {
  const times: number[] = [];
  let rssMb = 0;
  for (let run = 0; run < runs; run++) {
    const startedMs = performance.now();
    const gateway = await startGateway(source, flags);
    times.push(performance.now() - startedMs);
    rssMb = readUsage(gateway.pid)?.rssMb ?? 0;
    await gateway.stop();
  }
  return { readyMs: Math.round(median(times)), rssMb: Math.round(rssMb) };
}

/** The load at which the target for memory is stated. Requests per second. */
const CALM_RATE = 1000;

/** Memory of a gateway with a configuration file behind some time of calm traffic, in MiB. */
async function measureCalm(
  seconds: number,
  nodeFlags: readonly string[],
): Promise<{ requestsPerSecond: number; rssMb: number }> {
  const rig = new Rig();
  try {
    const service = await rig.startService('bolt');
    const gateway = await rig.startGateway(
      { upstream: 'bolt', session: 'cold' },
      service.port('service'),
      nodeFlags,
    );
    const { requests, wrong, watched } = await rig.runLoad({
      generator: 'mmtp-load',
      seconds,
      warmUpMs: 500,
      flags: {
        port: gateway.port('mmtp'),
        connections: 16,
        streams: 64,
        operation: OPERATION,
        'session-keys': rig.keysFile,
        format: 'protobuf',
        rate: CALM_RATE,
        watch: gateway.pid,
      },
    });
    if (wrong > 0) throw new Error(`${wrong} answers were wrong`);
    const requestsPerSecond = Math.round(requests / seconds);
    return { requestsPerSecond, rssMb: Math.round(watched?.rssMb ?? 0) };
  } finally {
    await rig.close();
  }
}

/** Measures everything. @throws UsageError when the gateway cannot be built */
async function measure(values: FlagValues<typeof FLAGS>): Promise<object> {
  if (values.source !== undefined) process.env[SOURCE_VARIABLE] = values.source;
  const source = chosenSource();
  await prepareSource(source);
  const { runs, connections, seconds } = values;
  const directory = await mkdtemp(join(tmpdir(), 'mgw-footprint-'));
  try {
    const keysFile = join(directory, 'keys.json');
    ensureKeyFile(keysFile);
    const file = join(directory, 'mesh.json');
    await writeFile(file, JSON.stringify(meshConfig({ http: 9, bolt: 9 }, keysFile)));
    const tokenFlag = `--admin-token-file=${join(directory, 'token')}`;
    const withFlags = ['--upstream=app=http://127.0.0.1:9', tokenFlag];
    const withFile = [`--config=${file}`, tokenFlag];
    const flagsOnly = await measureStart(source, withFlags, runs);
    const start = { flagsOnly, file: await measureStart(source, withFile, runs) };
    const gateway = await startGateway(source, withFile);
    const { kibPerConnection: mmtp } = await measureIdle(gateway, 'mmtp', connections);
    const { kibPerConnection: http } = await measureIdle(gateway, 'http', connections);
    await gateway.stop();
    const idleKibPerConnection = { connections, mmtp, http };
    const node = process.version;
    const calm = await measureCalm(seconds, wordsOf(values['node-flags']));
    return { suite: 'footprint', node, source, start, idleKibPerConnection, calm };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function main(argv: readonly string[]): Promise<number> {
  const { values, isHelp, problems } = parseFlags(argv, COMMAND);
  if (isHelp) {
    process.stdout.write(helpText(COMMAND));
    return 0;
  }
  if (problems.length > 0) return refuse(problems.map(formatProblem));
  try {
    process.stdout.write(`${JSON.stringify(await measure(values))}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return refuse([error.message]);
  }
}

function refuse(lines: readonly string[]): number {
  process.stderr.write(`${lines.join('\n')}\n`);
  return EXIT_USAGE;
}

process.exitCode = await main(process.argv.slice(2));
