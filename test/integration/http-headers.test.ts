// Which headers cross the gateway, in both directions, and what it says to services by itself.

import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { sessionText, startGateway, type TestGateway } from './gateway.ts';
import { callBytes, callOnce, codeOf, headerOf } from './http-wire.ts';
import { echo, startService, type Service } from './service.ts';

const UPSTREAM_TRACE = '0af7651916cd43dd8448eb211c80319c';

let service: Service;
let gateway: TestGateway;

/** Calls `echo` with `headers`; answers the headers that the service saw, names in lower case. */
async function seenWith(
  headers: readonly string[],
  operationType = 'echo',
): Promise<readonly (readonly [string, string])[]> {
  const answer = await callOnce(gateway.httpPort, callBytes(operationType, 'x', headers));
  assert.equal(codeOf(answer), 1000);
  const { rawHeaders } = service.last;
  const pairs: [string, string][] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    pairs.push([rawHeaders[i]!.toLowerCase(), rawHeaders[i + 1]!]);
  }
  return pairs;
}

function valuesOf(pairs: readonly (readonly [string, string])[], name: string): string[] {
  return pairs.filter(([key]) => key === name).map(([, value]) => value);
}

before(async () => {
  service = await startService();
  gateway = await startGateway({
    upstreams: {
      app: { protocol: 'http', hosts: [service.host] },
      narrow: { protocol: 'http', hosts: [service.host], headersForward: ['X-Chosen'] },
    },
    groups: { all: { upstream: 'app' } },
    apis: [
      { operationType: 'echo', group: 'all', upstream: { path: '/path?fixed=1' } },
      { operationType: 'session', group: 'all', session: 'required' },
      { operationType: 'narrow', upstream: { name: 'narrow' } },
      {
        operationType: 'ruled',
        group: 'all',
        headers: {
          request: { add: { 'X-Set': 'gateway' }, remove: ['X-Gone'] },
          response: { add: { 'X-Out': 'gateway' }, remove: ['X-Secret'] },
        },
      },
    ],
  });
});

after(async () => {
  await gateway.stop();
  await service.stop();
});

beforeEach(() => {
  service.answer = echo;
});

describe('requests', () => {
  test("the client's own headers cross in order, repeated ones included", async () => {
    const pairs = await seenWith(['X-B: 1', 'X-A: 2', 'X-B: 3', 'User-Agent: test', 'X-Empty:']);
    assert.deepEqual(valuesOf(pairs, 'x-b'), ['1', '3']);
    assert.deepEqual(valuesOf(pairs, 'x-a'), ['2']);
    assert.deepEqual(valuesOf(pairs, 'user-agent'), ['test']);
    assert.deepEqual(valuesOf(pairs, 'x-empty'), ['']);
    assert.equal(service.last.url, '/path?fixed=1');
  });

  test('Host, Operation-Type and Content-Length are of this hop, each once', async () => {
    const pairs = await seenWith([]);
    assert.deepEqual(valuesOf(pairs, 'host'), [service.host]);
    assert.deepEqual(valuesOf(pairs, 'operation-type'), ['echo']);
    assert.deepEqual(valuesOf(pairs, 'content-length'), ['1']);
  });

  test('hop-by-hop headers and those that Connection lists stay behind', async () => {
    const pairs = await seenWith([
      'Connection: keep-alive, X-Listed, x-also',
      'Connection: X-Third',
      'X-Listed: 1',
      'X-Also: 1',
      'x-third: 1',
      'X-Unlisted: stays',
      'Keep-Alive: timeout=5',
      'Proxy-Connection: keep-alive',
      'Proxy-Authorization: Basic abc',
      'TE: trailers',
      'Trailer: X-T',
      'Upgrade: websocket',
      'HTTP2-Settings: AAA',
      'Expect: 100-continue',
    ]);
    const names = new Set(pairs.map(([name]) => name));
    for (const name of [
      'x-listed',
      'x-also',
      'x-third',
      'keep-alive',
      'proxy-connection',
      'proxy-authorization',
      'te',
      'trailer',
      'upgrade',
      'http2-settings',
      'expect',
    ]) {
      assert.ok(!names.has(name), name);
    }
    assert.ok(names.has('x-unlisted'));
  });

  test('Connection cannot strip what the gateway says', async () => {
    const listed = 'Connection: Mgw-Uid, traceparent, X-Forwarded-For, Content-Length, Host';
    const session = `Mgw-Session: ${sessionText(77)}`;
    const pairs = await seenWith([listed, session], 'session');
    assert.deepEqual(valuesOf(pairs, 'mgw-uid'), ['77']);
    assert.deepEqual(valuesOf(pairs, 'x-forwarded-for'), ['127.0.0.1']);
    assert.equal(valuesOf(pairs, 'traceparent').length, 1);
    assert.deepEqual(valuesOf(pairs, 'content-length'), ['1']);
    assert.deepEqual(valuesOf(pairs, 'host'), [service.host]);
  });

  test('identity and address cannot be forged', async () => {
    const pairs = await seenWith([
      'Mgw-Uid: 1',
      'mgw-shard: 1',
      'MGW-UID: 2',
      'Mgw-Anything: 1',
      'X-Forwarded-For: 6.6.6.6',
      'X-Forwarded-Host: evil',
      'X-Forwarded-Proto: https',
      'X-Real-IP: 6.6.6.6',
      'Forwarded: for=6.6.6.6',
    ]);
    const forged = pairs.filter(
      ([name, value]) => name.startsWith('mgw-') || value.includes('6.6'),
    );
    assert.deepEqual(forged, []);
    assert.deepEqual(valuesOf(pairs, 'x-forwarded-for'), ['127.0.0.1']);
    assert.deepEqual(valuesOf(pairs, 'x-forwarded-host'), []);
  });

  test('underscores do not carry what the gateway drops or sets', async () => {
    const pairs = await seenWith(
      [
        'X_Forwarded_For: 6.6.6.6',
        'X-Real_IP: 6.6.6.6',
        'OPERATION_TYPE: other',
        'Content_Length: 7',
        'Transfer_Encoding: chunked',
        'Mgw_Uid: 1',
        'X_Request_Id: other',
        'X_Set: client',
        'X_Own: stays',
      ],
      'ruled',
    );
    const underscored = pairs.filter(([name]) => name.includes('_'));
    assert.deepEqual(underscored, [['x_own', 'stays']]);
    assert.deepEqual(valuesOf(pairs, 'x-set'), ['gateway']);
    assert.equal(valuesOf(pairs, 'x-request-id').length, 1);
  });

  test('the session stays at the gateway, other cookies cross', async () => {
    const text = sessionText(5);
    const cases: readonly (readonly [string, readonly string[]])[] = [
      [`MGW_SESSION=${text}`, []],
      [`a=1; MGW_SESSION=${text}; b=2`, ['a=1; b=2']],
      [`a=1; MGW_SESSION=${text}`, ['a=1']],
      [`MGW_SESSION=${text}; b=2`, ['b=2']],
      [`MGW_SESSION=${text}; MGW_SESSION=other; XMGW_SESSION=c`, ['XMGW_SESSION=c']],
    ];
    for (const [cookie, expected] of cases) {
      const pairs = await seenWith([`Cookie: ${cookie}`], 'session');
      assert.deepEqual(valuesOf(pairs, 'cookie'), expected, cookie);
      assert.deepEqual(valuesOf(pairs, 'mgw-uid'), ['5']);
      assert.ok(!pairs.some(([, value]) => value.includes(text)), 'the session leaked');
    }
    const byHeader = await seenWith([`Mgw-Session: ${text}`], 'session');
    assert.deepEqual(valuesOf(byHeader, 'mgw-session'), []);
  });

  test('the trace goes on with a span of the gateway', async () => {
    const parent = 'b7ad6b7169203331';
    const pairs = await seenWith([`traceparent: 00-${UPSTREAM_TRACE}-${parent}-01`]);
    const [value] = valuesOf(pairs, 'traceparent');
    assert.match(value!, new RegExp(`^00-${UPSTREAM_TRACE}-[0-9a-f]{16}-01$`));
    assert.ok(!value!.includes(parent));
    const fresh = valuesOf(await seenWith(['traceparent: rubbish']), 'traceparent');
    assert.equal(fresh.length, 1);
    assert.match(fresh[0]!, /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  });

  test('tracestate crosses with one valid traceparent only', async () => {
    const valid = `traceparent: 00-${UPSTREAM_TRACE}-b7ad6b7169203331-01`;
    const state = ['tracestate: a=1', 'Tracestate: b=2'];
    assert.deepEqual(valuesOf(await seenWith([valid, ...state]), 'tracestate'), ['a=1', 'b=2']);
    for (const parents of [[], ['traceparent: rubbish'], [valid, valid]] as string[][]) {
      const pairs = await seenWith([...state, ...parents, 'X-Kept: 1']);
      assert.deepEqual(valuesOf(pairs, 'tracestate'), [], parents.join());
      assert.deepEqual(valuesOf(pairs, 'x-kept'), ['1']);
      const parent = valuesOf(pairs, 'traceparent').join();
      assert.ok(!parent.includes(UPSTREAM_TRACE), parent);
    }
  });

  test('an allow-list of the upstream lets only its headers and Content-Type through', async () => {
    const pairs = await seenWith(
      ['X-Chosen: 1', 'X-Other: 2', 'Content-Type: text/plain', 'Cookie: a=b'],
      'narrow',
    );
    assert.deepEqual(valuesOf(pairs, 'x-chosen'), ['1']);
    assert.deepEqual(valuesOf(pairs, 'content-type'), ['text/plain']);
    assert.deepEqual(valuesOf(pairs, 'x-other'), []);
    assert.deepEqual(valuesOf(pairs, 'cookie'), []);
  });

  test("the API's rules add, replace and remove", async () => {
    const pairs = await seenWith(['x-set: client', 'X-Gone: 1', 'X-Here: 1'], 'ruled');
    assert.deepEqual(valuesOf(pairs, 'x-set'), ['gateway']);
    assert.deepEqual(valuesOf(pairs, 'x-gone'), []);
    assert.deepEqual(valuesOf(pairs, 'x-here'), ['1']);
  });
});

describe('answers', () => {
  test('headers of the service cross; its framing and its hop do not', async () => {
    service.answer = (_seen, response) => {
      response.writeHead(201, [
        ['Connection', 'X-Hop'],
        ['X-Hop', '1'],
        ['Keep-Alive', 'timeout=9'],
        ['Proxy-Authenticate', 'Basic'],
        ['Set-Cookie', 'a=1'],
        ['Set-Cookie', 'b=2'],
        ['X-Kept', 'yes'],
        ['Date', 'Thu, 01 Jan 1970 00:00:00 GMT'],
      ]);
      response.end('ok');
    };
    const answer = await callOnce(gateway.httpPort, callBytes('echo', 'x'));
    assert.equal(answer.status, 201);
    assert.equal(headerOf(answer, 'x-kept'), 'yes');
    const cookies = answer.headers.filter(([name]) => name.toLowerCase() === 'set-cookie');
    assert.deepEqual(
      cookies.map(([, value]) => value),
      ['a=1', 'b=2'],
    );
    for (const name of ['x-hop', 'keep-alive', 'proxy-authenticate', 'connection']) {
      assert.equal(headerOf(answer, name), undefined, name);
    }
    const dates = answer.headers.filter(([name]) => name.toLowerCase() === 'date');
    assert.equal(dates.length, 1);
  });

  test('a service cannot speak for the gateway', async () => {
    service.answer = (_seen, response) => {
      response.writeHead(200, [
        ['Result-Status', '9999'],
        ['Memo', 'forged'],
        ['Tips', 'forged'],
        ['Mgw-Trace', 'forged'],
        ['Mgw-Session', 'forged'],
        ['Mgw-Other', 'forged'],
        ['Server-Timing', 'forged;dur=1'],
      ]);
      response.end('ok');
    };
    const answer = await callOnce(gateway.httpPort, callBytes('echo', 'x'));
    assert.ok(!answer.head.includes('forged'), answer.head);
    for (const name of ['result-status', 'memo', 'tips', 'mgw-trace', 'server-timing']) {
      assert.equal(answer.headers.filter(([key]) => key.toLowerCase() === name).length, 1, name);
    }
    assert.equal(codeOf(answer), 1000);
  });

  test("the API's rules work on answers, streamed or whole", async () => {
    for (const isStreamed of [false, true]) {
      service.answer = (_seen, response) => {
        response.writeHead(200, [
          ['X-Out', 'service'],
          ['X-Secret', '1'],
        ]);
        if (isStreamed) response.write('first ');
        setImmediate(() => response.end('last'));
      };
      const answer = await callOnce(gateway.httpPort, callBytes('ruled', 'x'));
      const out = answer.headers.filter(([name]) => name.toLowerCase() === 'x-out');
      assert.deepEqual(
        out.map(([, value]) => value),
        ['gateway'],
      );
      assert.equal(headerOf(answer, 'x-secret'), undefined);
      assert.equal(answer.body.toString(), isStreamed ? 'first last' : 'last');
    }
  });

  test('statuses of the service become result codes, its body crosses', async () => {
    const codes: Record<number, number> = { 400: 6005, 404: 6000, 405: 6001, 500: 6666, 503: 4002 };
    for (const [status, code] of Object.entries(codes)) {
      service.answer = (_seen, response) => void response.writeHead(Number(status)).end('why');
      const answer = await callOnce(gateway.httpPort, callBytes('echo', 'x'));
      assert.equal(codeOf(answer), code, status);
      assert.equal(answer.body.toString(), 'why');
    }
  });
});

test('an access layer that is configured may speak for its clients', async (t) => {
  const trusting = await startGateway({
    listeners: { trustedPeers: ['127.0.0.0/8'] },
    upstreams: { app: { protocol: 'http', hosts: [service.host] } },
    apis: [{ operationType: 'echo' }],
  });
  t.after(() => trusting.stop());
  const forwarded = async (...values: readonly string[]): Promise<unknown> => {
    const lines = values.map((value) => `X-Forwarded-For: ${value}`);
    await callOnce(trusting.httpPort, callBytes('echo', 'x', lines));
    return service.last.headers['x-forwarded-for'];
  };
  assert.equal(await forwarded('1.1.1.1, 9.8.7.6'), '9.8.7.6');
  // The access layer adds to what its client said, in the same line or in one of its own.
  assert.equal(await forwarded('6.6.6.6', '9.8.7.6'), '9.8.7.6');
  assert.equal(await forwarded('6.6.6.6', '7.7.7.7, 2001:db8::1'), '2001:db8::1');
  for (const unreadable of ['bad\u00e9; Mgw-Uid', 'fe80::1%eth0', '::ffff:1.2.3.4%25x', '']) {
    assert.equal(await forwarded('6.6.6.6', unreadable), '127.0.0.1', unreadable);
  }
});
