// `node bench/footprint.ts`: what a gateway with little work costs: time from spawn to its ready
// line, memory after the start, per idle connection and at 1,000 requests/s (--seconds of Mmtp to
// Bolt, every session verified). The last line is one JSON object.
// `--source ts` measures the sources in place of what `npm run build` makes of them;
// `--node-flags=FLAGS` gives the last of these gateways flags of Node behind the launcher's.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { meshConfig } from '#cli/dev/dev-config.ts';
import { ensureKeyFile } from '#cli/commands/session-key-file.ts';
import { wordsOf } from './compare/sides.ts';
import { median } from './report.ts';
import { startChild, type Child } from './rig/child.ts';
import {
  chosenSource,
  gatewayCommand,
  prepareSource,
  SOURCE_VARIABLE,
} from './rig/gateway-source.ts';
import { measureIdle } from './rig/idle-connections.ts';
import { OPERATION } from './rig/gateway-config.ts';
import { readUsage } from './rig/process-usage.ts';
import { Rig } from './rig/rig.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '8' },
    connections: { type: 'string', default: '10000' },
    seconds: { type: 'string', default: '60' },
    'node-flags': { type: 'string' },
    source: { type: 'string' },
  },
});

if (values.source !== undefined) process.env[SOURCE_VARIABLE] = values.source;
const source = chosenSource();

const PORTS = ['--http-port=0', '--mmtp-port=0', '--admin-port=0'];

function startGateway(flags: readonly string[]): Promise<Child> {
  const command = [...gatewayCommand(source), ...PORTS, ...flags];
  return startChild({ name: 'gateway', command, cpu: null });
}

/** Median of the times to ready, in ms, and the memory after the last start, in MiB. */
async function measureStart(flags: readonly string[]): Promise<{ readyMs: number; rssMb: number }> {
  const times: number[] = [];
  let rssMb = 0;
  for (let run = 0; run < Number(values.runs); run++) {
    const startedMs = performance.now();
    const gateway = await startGateway(flags);
    times.push(performance.now() - startedMs);
    rssMb = readUsage(gateway.pid)?.rssMb ?? 0;
    await gateway.stop();
  }
  return { readyMs: Math.round(median(times)), rssMb: Math.round(rssMb) };
}

/** The load at which the target for memory is stated. Requests per second. */
const CALM_RATE = 1000;

/** Memory of a gateway with a configuration file behind some time of calm traffic, in MiB. */
async function measureCalm(seconds: number): Promise<{ requestsPerSecond: number; rssMb: number }> {
  const rig = new Rig();
  try {
    const service = await rig.startService('bolt');
    const gateway = await rig.startGateway(
      { upstream: 'bolt', session: 'cold' },
      service.port('service'),
      wordsOf(values['node-flags']),
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

await prepareSource(source);
const directory = await mkdtemp(join(tmpdir(), 'mgw-footprint-'));
try {
  const keysFile = join(directory, 'keys.json');
  ensureKeyFile(keysFile);
  const file = join(directory, 'mesh.json');
  await writeFile(file, JSON.stringify(meshConfig({ http: 9, bolt: 9 }, keysFile)));
  const tokenFlag = `--admin-token-file=${join(directory, 'token')}`;
  const flagsOnly = ['--upstream=app=http://127.0.0.1:9', tokenFlag];
  const withFile = [`--config=${file}`, tokenFlag];
  const start = { flagsOnly: await measureStart(flagsOnly), file: await measureStart(withFile) };
  const gateway = await startGateway(withFile);
  const connections = Number(values.connections);
  const { kibPerConnection: mmtp } = await measureIdle(gateway, 'mmtp', connections);
  const { kibPerConnection: http } = await measureIdle(gateway, 'http', connections);
  await gateway.stop();
  const idleKibPerConnection = { connections, mmtp, http };
  const node = process.version;
  const calm = await measureCalm(Number(values.seconds));
  const result = { suite: 'footprint', node, source, start, idleKibPerConnection, calm };
  process.stdout.write(`${JSON.stringify(result)}\n`);
} finally {
  await rm(directory, { recursive: true, force: true });
}
