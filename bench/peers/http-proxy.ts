// http-proxy, the most used proxy library of Node.js, with kept connections to the service:
//   node bench/peers/http-proxy.ts --service-port 9090

import { once } from 'node:events';
import { Agent, createServer } from 'node:http';
import httpProxy from 'http-proxy';
import { announceReady } from '../rig/announce.ts';
import { KEEP_ALIVE_MS, PROXY_FLAGS, readOwnFlags, SOCKETS_MAX } from './peer-flags.ts';
import { HOST } from './peer-network.ts';

const BAD_GATEWAY = 502;

const flags = readOwnFlags(PROXY_FLAGS);
const agent = new Agent({ keepAlive: true, maxSockets: SOCKETS_MAX });
const target = { host: HOST, port: flags['service-port'] };
const proxy = httpProxy.createProxyServer({ target, agent });
const server = createServer((request, response) => {
  proxy.web(request, response, {}, () => {
    if (!response.headersSent) response.writeHead(BAD_GATEWAY);
    response.end();
  });
});
server.keepAliveTimeout = KEEP_ALIVE_MS;
server.listen(0, HOST);
await once(server, 'listening');
const address = server.address();
const port = address !== null && typeof address === 'object' ? address.port : 0;
announceReady('bench-http-proxy', { http: port });
