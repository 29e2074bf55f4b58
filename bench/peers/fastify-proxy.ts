// @fastify/http-proxy as its documentation sets it up, over undici's pool, without logging:
//   node bench/peers/fastify-proxy.ts --service-port 9090

import httpProxy from '@fastify/http-proxy';
import fastify from 'fastify';
import { announceReady } from '../rig/announce.ts';
import { KEEP_ALIVE_MS, PROXY_FLAGS, readOwnFlags, SOCKETS_MAX } from './peer-flags.ts';
import { HOST } from './peer-network.ts';

const flags = readOwnFlags(PROXY_FLAGS);
const app = fastify({ logger: false, keepAliveTimeout: KEEP_ALIVE_MS });
await app.register(httpProxy, {
  upstream: `http://${HOST}:${flags['service-port']}`,
  undici: { connections: SOCKETS_MAX, pipelining: 1, keepAliveTimeout: KEEP_ALIVE_MS },
});
const address = await app.listen({ host: HOST, port: 0 });
const port = Number(new URL(address).port);
announceReady('bench-fastify-proxy', { http: port });
