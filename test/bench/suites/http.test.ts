// The suite `http` at smoke size; nginx takes part where it is installed.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hasNginx, nginxConfig } from '#bench/peers/nginx.ts';
import { reportOf, runBench } from '../support/run-bench.ts';

describe('bench http', () => {
  test('measures with and without session check, beside nginx or with a reason', async () => {
    const report = reportOf(await runBench('http', '--smoke'), 'http');
    const own = ['http-16', 'http-16-none'];
    const names = report.cases.map(({ name }) => name);
    if (hasNginx()) {
      assert.deepEqual(names, [...own, 'nginx-16']);
      assert.ok(report.ratios['cpuOverNginx']! > 0);
    } else {
      assert.deepEqual(names, own);
      assert.equal(report.skipped[0]?.name, 'nginx-16');
      assert.match(report.skipped[0]?.reason ?? '', /apt-get install nginx/);
    }
  });

  test('nginxConfig keeps connections alive on both sides and writes only where it may', () => {
    const config = nginxConfig('/run/bench', 8081, 9090);
    assert.match(config, /listen 127\.0\.0\.1:8081;/);
    assert.match(config, /server 127\.0\.0\.1:9090;\s+keepalive /);
    assert.match(config, /proxy_http_version 1\.1;\s+proxy_set_header Connection "";/);
    const paths = [...config.matchAll(/(?:_path|pid|error_log) (\S+?)[ ;]/g)];
    assert.equal(paths.length, 7);
    for (const [, path = ''] of paths) assert.ok(path.startsWith('/run/bench/'), path);
  });
});
