// `node bench/footprint.ts`: what a gateway costs before it has work: time from spawn to its ready
// line, memory after the start, memory per idle connection. The last line is one JSON object.

import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { OutBuffer } from '#core/base/out-buffer.ts';
import { encodeInit } from '#core/codec/mmtp/control.ts';
import { TABLE_SIZE_DEFAULT } from '#core/codec/mmtp/types.ts';
import { meshConfig } from '#cli/dev/dev-config.ts';
import { ensureKeyFile } from '#cli/commands/session-key-file.ts';
import { median } from './report.ts';
import { startChild, type Child } from './rig/child.ts';
import { readUsage } from './rig/process-usage.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '8' },
    connections: { type: 'string', default: '10000' },
  },
});

const PORTS = ['--http-port=0', '--mmtp-port=0', '--admin-port=0'];
const KIB_PER_MIB = 1024;

/** Connections opened at a time; more would overrun the listen queue. */
const OPENING_MAX = 64;

function startGateway(flags: readonly string[]): Promise<Child> {
  const command = ['node', '--max-semi-space-size=32', 'cli/mgw.js', 'sidecar', ...PORTS, ...flags];
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

/** Growth of the gateway's memory per idle connection, in KiB. */
async function measureIdle(gateway: Child, protocol: 'http' | 'mmtp'): Promise<number> {
  const count = Number(values.connections);
  const before = readUsage(gateway.pid)?.rssMb ?? 0;
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const wanted = Math.min(OPENING_MAX, count - sockets.length);
    const opening = Array.from({ length: wanted }, () =>
      openIdle(gateway.port(protocol), protocol),
    );
    sockets.push(...(await Promise.all(opening)));
  }
  const after = readUsage(gateway.pid)?.rssMb ?? 0;
  for (const socket of sockets) socket.destroy();
  return Math.round(((after - before) * KIB_PER_MIB * 100) / count) / 100;
}

/** A connection that has done what its protocol begins with: Mmtp sends INIT and has its answer. */
async function openIdle(port: number, protocol: 'http' | 'mmtp'): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' });
  await once(socket, 'connect');
  if (protocol === 'mmtp') {
    const out = new OutBuffer();
    encodeInit(out, {
      appId: 'bench',
      workspaceId: '',
      deviceId: `device-${port}`,
      dictIds: [],
      maxFrameBytes: 0,
      tableSize: TABLE_SIZE_DEFAULT,
    });
    socket.write(out.take());
    await once(socket, 'data');
  }
  return socket;
}

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
  const mmtp = await measureIdle(gateway, 'mmtp');
  const http = await measureIdle(gateway, 'http');
  await gateway.stop();
  const connections = Number(values.connections);
  const idleKibPerConnection = { connections, mmtp, http };
  const result = { suite: 'footprint', node: process.version, start, idleKibPerConnection };
  process.stdout.write(`${JSON.stringify(result)}\n`);
} finally {
  await rm(directory, { recursive: true, force: true });
}
