// nginx as a proxy to compare with: one process, keep-alive on both sides, no access log. The
// fairest setting for it that the comparison knows. It checks nothing, or, where Debian's njs
// module is, the compact session in the cookie (nginx-session.ts).

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Child } from '../rig/child.ts';
import { findProgram } from '../rig/cores.ts';
import type { Rig } from '../rig/rig.ts';
import { sessionScript } from './nginx-session.ts';
import { startSilentPeer } from './silent-peer.ts';

const MODULE_FILE = 'ngx_http_js_module.so';

/** Where Debian has modules; asked for when nginx does not say. */
const MODULES_DEFAULT = '/usr/lib/nginx/modules';

/** What a configuration of nginx differs in. */
export interface NginxSetup {
  /** Where nginx may write. */
  readonly directory: string;
  readonly port: number;
  readonly servicePort: number;
  /** Session check by njs; null: none. */
  readonly check: { readonly module: string; readonly script: string } | null;
}

/** Why nginx takes no part; null: it can. */
export function nginxMissing(): string | null {
  if (findProgram('nginx') !== null) return null;
  return 'nginx is not installed; on Debian: apt-get install nginx-light';
}

/** Why nginx cannot check sessions; null: it can. */
export function njsMissing(): string | null {
  const missing = nginxMissing();
  if (missing !== null) return missing;
  if (existsSync(modulePath())) return null;
  return `nginx has no ${MODULE_FILE}; on Debian: apt-get install libnginx-mod-http-js`;
}

/** nginx tells on stderr what it was built with. */
function modulePath(): string {
  const program = findProgram('nginx') ?? 'nginx';
  const words = execFileSync('sh', ['-c', '"$0" -V 2>&1', program], { encoding: 'utf8' });
  const directory = /--modules-path=(\S+)/.exec(words)?.[1] ?? MODULES_DEFAULT;
  return join(directory, MODULE_FILE);
}

/** The configuration of a proxy. */
export function nginxConfig({ directory, port, servicePort, check }: NginxSetup): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `  ${name}_temp_path ${directory}/nginx-${name};`,
  );
  return [
    ...(check === null ? [] : [`load_module ${check.module};`]),
    'daemon off;',
    // One process: its CPU time is all there is to count.
    'master_process off;',
    'worker_processes 1;',
    `pid ${directory}/nginx-${port}.pid;`,
    `error_log ${directory}/nginx-error.log warn;`,
    'events { worker_connections 4096; }',
    'http {',
    '  access_log off;',
    ...temporary,
    '  keepalive_requests 1000000000;',
    '  keepalive_timeout 1h;',
    ...(check === null ? [] : scriptLines(check.script)),
    '  upstream service {',
    `    server 127.0.0.1:${servicePort};`,
    '    keepalive 128;',
    '    keepalive_requests 1000000000;',
    '    keepalive_timeout 1h;',
    '  }',
    '  server {',
    `    listen 127.0.0.1:${port};`,
    '    location / {',
    // Evaluated before the proxy runs; nothing is sent to the service for a bad session.
    ...(check === null ? [] : ['      if ($session_uid = "") { return 403; }']),
    '      proxy_pass http://service;',
    '      proxy_http_version 1.1;',
    '      proxy_set_header Connection "";',
    ...(check === null ? [] : ['      proxy_set_header Mgw-Uid $session_uid;']),
    '    }',
    '  }',
    '}',
    '',
  ].join('\n');
}

function scriptLines(script: string): string[] {
  return [
    `  js_path ${dirname(script)};`,
    `  js_import session from ${script};`,
    '  js_set $session_uid session.uid;',
  ];
}

/** Starts nginx as a proxy in front of a service; its port is `http`. */
export function startNginx(rig: Rig, servicePort: number): Promise<Child> {
  return start(rig, 'nginx', servicePort, null);
}

/** Starts nginx with the session check; its port is `http`. */
export function startNginxWithCheck(rig: Rig, servicePort: number): Promise<Child> {
  const script = rig.write('session.js', sessionScript(rig.keysFile));
  return start(rig, 'nginx with njs', servicePort, { module: modulePath(), script });
}

function start(
  rig: Rig,
  name: string,
  servicePort: number,
  check: NginxSetup['check'],
): Promise<Child> {
  const { directory } = rig;
  return startSilentPeer(rig, {
    name,
    protocol: 'http',
    commandFor(port) {
      const config = rig.write('nginx.conf', nginxConfig({ directory, port, servicePort, check }));
      return [findProgram('nginx') ?? 'nginx', '-p', directory, '-c', config];
    },
  });
}
