// The sample HTTP service as clients of `mgw dev` see it.

import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { startHttpPeer } from '#test/peers/http.ts';
import type { Peer } from '#test/peers/peer.ts';

let peer: Peer;

function post(path: string, body: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`http://127.0.0.1:${peer.port}${path}`, { method: 'POST', body, headers });
}

describe('sample HTTP service', () => {
  before(async () => {
    peer = await startHttpPeer();
  });
  after(() => peer.stop());

  test('demo.echo answers the body as it is, 64-bit integers included', async () => {
    for (const body of ['{"id":9007199254740993}', '[1, 2]', '"x"', 'null', '{"中": "文"}']) {
      const response = await post('/demo.echo', body);
      assert.equal(response.status, 200);
      assert.equal(response.headers.get('content-type'), 'application/json; charset=utf-8');
      assert.equal(await response.text(), `{"echo":${body}}`);
    }
    assert.equal(await (await post('/demo.echo?q=1', '')).text(), '{"echo":null}');
  });

  test('demo.account.get answers what the gateway says about the user', async () => {
    const headers = { 'Mgw-Uid': '18446744073709551615', 'Mgw-Shard': '7' };
    const response = await post('/demo.account.get', '{}', headers);
    assert.deepEqual(await response.json(), { uid: '18446744073709551615', shard: '07' });
  });

  test('demo.slow waits as long as it is told', async () => {
    const start = performance.now();
    const response = await post('/demo.slow', '[{"ms":50}]');
    assert.deepEqual(await response.json(), { ms: 50 });
    assert.ok(performance.now() - start >= 45);
    assert.deepEqual(await (await post('/demo.slow', '{"ms":0}')).json(), { ms: 0 });
  });

  test('refuses what it cannot serve', async () => {
    const refusals: [string, string, number][] = [
      ['/demo.echo', '{"a":', 400],
      ['/demo.slow', '{}', 400],
      ['/demo.slow', '{"ms":-1}', 400],
      ['/demo.slow', 'null', 400],
      ['/demo.other', '{}', 404],
      ['/demo.echo', `"${'x'.repeat(4 << 20)}"`, 413],
    ];
    for (const [path, body, status] of refusals) {
      const response = await post(path, body);
      assert.equal(response.status, status, path);
      const { error } = (await response.json()) as { error: string };
      assert.ok(error.length > 10, error);
    }
  });
});

test('the sample HTTP service ends on SIGTERM with code 0, idle connections or not', async () => {
  peer = await startHttpPeer();
  await (await post('/demo.echo', '1')).text();
  assert.equal(await peer.stop(), 0);
});
