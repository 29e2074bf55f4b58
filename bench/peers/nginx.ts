// nginx as the proxy to compare with: one process, keep-alive on both sides, no access log, no
// check of anything. The fairest setting for it that the comparison knows.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { startSilentChild, type Child } from '../rig/child.ts';
import { findProgram } from '../rig/cores.ts';
import type { Rig } from '../rig/rig.ts';

/** Why nginx takes no part, when it does not. */
export const NGINX_MISSING = 'nginx is not installed; on Debian: apt-get install nginx';

/** Pause between two attempts to connect. */
const RETRY_MS = 20;

/** True when nginx can take part. */
export function hasNginx(): boolean {
  return findProgram('nginx') !== null;
}

/**
 * The configuration of a proxy.
 *
 * @param directory where nginx may write
 */
export function nginxConfig(directory: string, port: number, servicePort: number): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `  ${name}_temp_path ${directory}/nginx-${name};`,
  );
  return [
    'daemon off;',
    // One process: its CPU time is all there is to count.
    'master_process off;',
    'worker_processes 1;',
    `pid ${directory}/nginx.pid;`,
    `error_log ${directory}/nginx-error.log warn;`,
    'events { worker_connections 4096; }',
    'http {',
    '  access_log off;',
    ...temporary,
    '  keepalive_requests 1000000000;',
    '  keepalive_timeout 1h;',
    '  upstream service {',
    `    server 127.0.0.1:${servicePort};`,
    '    keepalive 128;',
    '    keepalive_requests 1000000000;',
    '    keepalive_timeout 1h;',
    '  }',
    '  server {',
    `    listen 127.0.0.1:${port};`,
    '    location / {',
    '      proxy_pass http://service;',
    '      proxy_http_version 1.1;',
    '      proxy_set_header Connection "";',
    '    }',
    '  }',
    '}',
    '',
  ].join('\n');
}

/** Starts nginx as a proxy in front of a service; its port is `http`. */
export async function startNginx(rig: Rig, servicePort: number): Promise<Child> {
  const port = await freePort();
  const config = rig.write('nginx.conf', nginxConfig(rig.directory, port, servicePort));
  const command = [findProgram('nginx') ?? 'nginx', '-p', rig.directory, '-c', config];
  const spec = { name: 'nginx', command, cpu: rig.gatewayCpu };
  return rig.adopt(await startSilentChild(spec, { http: port }, () => isListening(port)));
}

/** A port that was free a moment ago: nginx cannot tell which one it was given for 0. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return address !== null && typeof address === 'object' ? address.port : 0;
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    await delay(RETRY_MS);
    return false;
  } finally {
    socket.destroy();
  }
}
