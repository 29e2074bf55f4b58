// The proxies that benchmarks compare with pass requests on as the gateway does, and nginx with njs
// verifies sessions as strictly.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createSessions } from '#bench/load/session-pool.ts';
import { haproxyConfig } from '#bench/peers/haproxy.ts';
import { HTTP_PEERS } from '#bench/peers/http-peers.ts';
import { nginxConfig, njsMissing, startNginxWithCheck } from '#bench/peers/nginx.ts';
import { packageMissing } from '#bench/peers/node-proxy.ts';
import { TaggedMessage } from '#bench/peers/tagged-message.ts';
import type { Child } from '#bench/rig/child.ts';
import { Rig } from '#bench/rig/rig.ts';

const BODY = new TaggedMessage('json', 64).bytes;
const ANSWER_BYTES = 256;

function call(port: number, session: string): Promise<Response> {
  const headers = { Cookie: `a=b; MGW_SESSION=${session}`, 'Content-Type': 'application/json' };
  return fetch(`http://127.0.0.1:${port}/mgw.htm`, { method: 'POST', headers, body: BODY });
}

describe('http peers', () => {
  let rig: Rig;
  let service: Child;
  let session: Buffer;

  before(async () => {
    rig = new Rig();
    service = await rig.startService('http');
    [session = Buffer.alloc(0)] = createSessions(rig.keysFile, 1);
  });

  after(() => rig.close());

  for (const peer of HTTP_PEERS) {
    test(`${peer.name} carries a request and its answer`, async (context) => {
      const reason = peer.missing();
      if (reason !== null) {
        context.skip(reason);
        return;
      }
      const proxy = await peer.start(rig, service.port('service'));
      const response = await call(proxy.port('http'), session.toString('base64url'));
      assert.equal(response.status, 200);
      const body = Buffer.from(await response.arrayBuffer());
      assert.ok(new TaggedMessage('json', ANSWER_BYTES).equals(body, 0, body.length, 0));
      await proxy.stop();
    });
  }

  test(
    'nginx with njs refuses what is no valid session',
    { skip: njsMissing() ?? false },
    async () => {
      const proxy = await startNginxWithCheck(rig, service.port('service'));
      const statusOf = async (text: string) => (await call(proxy.port('http'), text)).status;
      const text = session.toString('base64url');
      assert.equal(await statusOf(text), 200);
      for (const at of [0, 1, 3, 12, 51, 100, session.length - 1]) {
        const damaged = Buffer.from(session);
        damaged[at]! ^= 1;
        assert.equal(await statusOf(damaged.toString('base64url')), 403, `byte ${at}`);
      }
      for (const wrong of ['', 'x', text.slice(0, -4), `${text}AAAA`, `${text}=`]) {
        assert.equal(await statusOf(wrong), 403, wrong.slice(-8));
      }
      await proxy.stop();
    },
  );

  test('packageMissing names a package that is not there', () => {
    assert.equal(packageMissing('http-proxy'), null);
    assert.match(packageMissing('no-such-proxy') ?? '', /no-such-proxy is not installed/);
  });

  test('haproxyConfig shares connections to the service and runs one thread', () => {
    const config = haproxyConfig(8081, 9090);
    assert.match(config, /bind 127\.0\.0\.1:8081\n/);
    assert.match(config, /server service 127\.0\.0\.1:9090 /);
    assert.match(config, /http-reuse always/);
    assert.match(config, /nbthread 1\n/);
  });

  test('nginxConfig keeps connections alive on both sides and writes only where it may', () => {
    const setup = { directory: '/run/bench', port: 8081, servicePort: 9090, check: null };
    const config = nginxConfig(setup);
    assert.match(config, /listen 127\.0\.0\.1:8081;/);
    assert.match(config, /server 127\.0\.0\.1:9090;\s+keepalive /);
    assert.match(config, /proxy_http_version 1\.1;\s+proxy_set_header Connection "";/);
    assert.doesNotMatch(config, /js_/);
    const paths = [...config.matchAll(/(?:_path|pid|error_log) (\S+?)[ ;]/g)];
    assert.equal(paths.length, 7);
    for (const [, path = ''] of paths) assert.ok(path.startsWith('/run/bench/'), path);
  });
});
