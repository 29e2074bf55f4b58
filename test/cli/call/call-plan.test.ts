// Flags of `mgw call` become the request they name, or every problem they have.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { planCall } from '#cli/call/call-plan.ts';
import type { CallPlan, CallPlanResult } from '#cli/call/call-plan.ts';
import { callSpec } from '#cli/call/call-spec.ts';
import { parseFlags } from '#config/flags.ts';

const folder = mkdtempSync(join(tmpdir(), 'mgw-plan-'));
after(() => rmSync(folder, { recursive: true }));

async function plan(argv: readonly string[], input = ''): Promise<CallPlanResult> {
  const { values, positionals, problems } = parseFlags(argv, callSpec);
  assert.deepEqual(problems, []);
  return planCall(positionals[0]!, values, async () => Buffer.from(input));
}

async function good(argv: readonly string[], input = ''): Promise<CallPlan> {
  const result = await plan(['demo.echo', ...argv], input);
  assert.ok(result.ok, JSON.stringify(result));
  return result.plan;
}

async function wrong(argv: readonly string[]): Promise<string> {
  const result = await plan(argv);
  assert.ok(!result.ok);
  return result.problems.map(({ path, message }) => `${path} ${message}`).join('\n');
}

function file(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

describe('planCall: the request', () => {
  test('without flags it is an empty object for the local Mmtp port', async () => {
    const { request, address, count, connections, streams, warnings } = await good([]);
    assert.equal(request.operationType, 'demo.echo');
    assert.equal(request.body.toString(), '{}');
    assert.equal(request.contentType, 0);
    assert.deepEqual([request.session, request.headers], [null, []]);
    assert.deepEqual(address, {
      protocol: 'mmtp',
      hostPort: { host: '127.0.0.1', port: 8004 },
    });
    assert.deepEqual([count, connections, streams, warnings], [1, 1, 1, []]);
  });

  test('the body comes from the text, a file, standard input or base64', async () => {
    const bytes = Buffer.from([0, 255, 128]);
    const bodyOf = async (...argv: string[]) => (await good(argv, 'piped')).request.body;
    assert.equal((await bodyOf('-d', '{"a":1}')).toString(), '{"a":1}');
    assert.equal((await bodyOf('-d', '')).length, 0);
    assert.deepEqual(await bodyOf('-d', `@${file('body', bytes)}`), bytes);
    assert.equal((await bodyOf('-d', '-')).toString(), 'piped');
    assert.deepEqual(await bodyOf('--data-base64', 'AP+A'), bytes);
    assert.deepEqual(await bodyOf('--data-base64', 'AP-A'), bytes);
    assert.deepEqual(await bodyOf('--data-base64', 'AP8='), bytes.subarray(0, 2));
  });

  test('a body that is no JSON is sent with a warning, other types are not looked at', async () => {
    const { request, warnings } = await good(['-d', '{a:1}']);
    assert.equal(request.body.toString(), '{a:1}');
    assert.match(warnings.join(), /not JSON/);
    assert.deepEqual((await good(['-d', '{a:1}', '--content-type', 'bytes'])).warnings, []);
  });

  test('the session comes from the text, a file or standard input', async () => {
    const sessionOf = async (given: string) => {
      return (await good(['--session', given], 'AQID\n')).request.session;
    };
    const bytes = Buffer.from([1, 2, 3]);
    assert.deepEqual(await sessionOf('AQID'), bytes);
    assert.deepEqual(await sessionOf(file('session', 'AQID\n')), bytes);
    assert.deepEqual(await sessionOf('-'), bytes);
  });

  test('headers are split at the first colon', async () => {
    const { request } = await good(['--header', 'X-A: b:c ', '--header', 'x-empty:']);
    assert.deepEqual(request.headers, [
      ['X-A', 'b:c'],
      ['x-empty', ''],
    ]);
  });

  test('content type, device and time go along', async () => {
    const argv = ['--content-type', 'protobuf', '--device', 'd1', '--timeout-ms', '50'];
    const { request } = await good(argv);
    assert.deepEqual([request.contentType, request.deviceId, request.timeoutMs], [1, 'd1', 50]);
  });
});

describe('planCall: the gateway', () => {
  test('--http takes an address with or without scheme and path', async () => {
    const urlOf = async (text: string) => {
      const { address } = await good(['--http', text]);
      return address.protocol === 'http' ? address.url.href : '';
    };
    assert.equal(await urlOf('http://127.0.0.1:8003'), 'http://127.0.0.1:8003/mgw.htm');
    assert.equal(await urlOf('127.0.0.1:8003'), 'http://127.0.0.1:8003/mgw.htm');
    assert.equal(await urlOf('http://h/api/demo.echo?x=1'), 'http://h/api/demo.echo?x=1');
  });

  test('--mmtp takes IPv6', async () => {
    const { address } = await good(['--mmtp', '[::1]:9']);
    assert.deepEqual(address, { protocol: 'mmtp', hostPort: { host: '::1', port: 9 } });
  });
});

describe('planCall: problems', () => {
  const cases: readonly (readonly [string, readonly string[], RegExp])[] = [
    ['operation type with a blank', ['a b'], /<operationType> "a b" is not/],
    ['operation type too long', ['a'.repeat(129)], /<operationType> "a{37}\.\.\."/],
    ['both protocols', ['a', '--mmtp=h:1', '--http=h:1'], /--http excludes --mmtp/],
    ['both bodies', ['a', '-d', 'x', '--data-base64=AA'], /--data-base64 excludes --data/],
    ['input twice', ['a', '-d', '-', '--session', '-'], /--session cannot be - too/],
    ['-c without -n', ['a', '-c', '2'], /--count is missing/],
    ['streams without -n', ['a', '--streams', '2'], /--count is missing/],
    ['streams of HTTP', ['a', '-n', '9', '--http=h:1', '--streams=2'], /--streams is for Mmtp/],
    ['no port', ['a', '--mmtp', 'localhost'], /--mmtp "localhost" is not HOST:PORT/],
    ['https', ['a', '--http', 'https://h'], /--http "https:\/\/h" is no http URL/],
    ['no URL', ['a', '--http', 'http://'], /--http "http:\/\/" is no http URL/],
    ['no header', ['a', '--header', 'x'], /--header "x" is not 'NAME: VALUE'/],
    ['header name', ['a', '--header', 'x y: 1'], /is not 'NAME: VALUE'/],
    ['header value', ['a', '--header', 'x: a\r\nb: c'], /the value of x may have/],
    ['framing header', ['a', '--header', 'Content-Length: 1'], /Content-Length is set by mgw/],
    ['header twice', ['a', '--header=x: 1', '--header=X: 2'], /X is given more than once/],
    ['not base64', ['a', '--data-base64', 'a*b'], /--data-base64 "a\*b" is not base64/],
    ['no such file', ['a', '-d', '@/no/such/file'], /--data cannot read the file: ENOENT/],
    ['no session', ['a', '--session', 'no.such.file'], /neither a file nor base64url text/],
    ['empty session', ['a', '--session', ''], /--session "" is neither/],
    ['long session', ['a', '--session', 'A'.repeat(10_924)], /at most 8192 bytes/],
  ];
  for (const [name, argv, message] of cases) {
    test(name, async () => assert.match(await wrong(argv), message));
  }

  test('a session file with something else in it', async () => {
    assert.match(
      await wrong(['a', '--session', file('bad', '{"keys":1}')]),
      /it holds no base64url/,
    );
  });

  test('all of a command line at once', async () => {
    const text = await wrong(['a b', '--mmtp', 'x', '--header', 'y']);
    assert.deepEqual(text.match(/^\S+/gm), ['<operationType>', '--mmtp', '--header']);
  });
});
