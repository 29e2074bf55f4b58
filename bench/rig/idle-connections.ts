// Idle connections to a gateway, and what one of them costs it in memory.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { OutBuffer } from '#core/base/out-buffer.ts';
import { encodeInit } from '#core/codec/mmtp/control.ts';
import { TABLE_SIZE_DEFAULT } from '#core/codec/mmtp/types.ts';
import type { Child } from './child.ts';
import { readUsage } from './process-usage.ts';

const KIB_PER_MIB = 1024;
const US_PER_MS = 1000;

/** Connections opened at a time; more would overrun the listen queue. */
const OPENING_MAX = 64;

/** What connections were found to cost. */
export interface IdleCost {
  /** Growth of the gateway's resident memory per connection. */
  readonly kibPerConnection: number;
  /** How long each took to open, INIT and its answer included, in ascending order. */
  readonly openUs: readonly number[];
  /** Time that all of them took. */
  readonly seconds: number;
  /** The gateway's, with all connections open. */
  readonly rssMb: number;
  /** The gateway's CPU time for all; null when the system does not tell. */
  readonly cpuUs: number | null;
}

/** Opens `count` connections, measures, and closes them. */
export async function measureIdle(
  gateway: Child,
  protocol: 'http' | 'mmtp',
  count: number,
): Promise<IdleCost> {
  const before = readUsage(gateway.pid);
  const sockets: Socket[] = [];
  const openUs: number[] = [];
  const startMs = performance.now();
  try {
    while (sockets.length < count) {
      const wanted = Math.min(OPENING_MAX, count - sockets.length);
      const opening = Array.from({ length: wanted }, async () => {
        const fromMs = performance.now();
        const socket = await openIdle(gateway.port(protocol), protocol);
        openUs.push((performance.now() - fromMs) * US_PER_MS);
        return socket;
      });
      sockets.push(...(await Promise.all(opening)));
    }
    const seconds = (performance.now() - startMs) / 1000;
    const after = readUsage(gateway.pid);
    const grownMb = (after?.rssMb ?? 0) - (before?.rssMb ?? 0);
    return {
      kibPerConnection: Math.round((grownMb * KIB_PER_MIB * 100) / count) / 100,
      openUs: openUs.toSorted((a, b) => a - b),
      seconds,
      rssMb: after?.rssMb ?? 0,
      cpuUs: before === null || after === null ? null : after.cpuUs - before.cpuUs,
    };
  } finally {
    for (const socket of sockets) socket.destroy();
  }
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
