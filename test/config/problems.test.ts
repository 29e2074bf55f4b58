// Every kind of problem in a configuration file: where it is reported, and in which words. Each
// case is a YAML text; what can be written in JSON is checked there too.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { loadConfig, snapshotFromText } from '#config/load.ts';
import { formatProblem, limitProblems, PROBLEMS_MAX } from '#config/problem.ts';

const FLAGS = { argv: [], env: {}, cwd: '/' };
const BUILT_IN = { name: '', value: { upstreams: { a: { protocol: 'http', hosts: ['h:1'] } } } };

async function check(text: string, fileName: string) {
  const loaded = await loadConfig({ ...FLAGS, builtIn: BUILT_IN });
  assert.ok(loaded.ok);
  return snapshotFromText(text, loaded.base, fileName);
}

async function problemsOf(text: string, fileName = 'f.yaml'): Promise<readonly string[]> {
  const result = await check(text, fileName);
  return result.ok ? [] : result.problems.map(formatProblem);
}

async function warningsOf(text: string): Promise<readonly string[]> {
  const result = await check(text, 'f.yaml');
  if (!result.ok) assert.fail(result.problems.map(formatProblem).join('\n'));
  return result.snapshot.warnings;
}

const APP = 'upstreams: {app: {protocol: http, hosts: ["127.0.0.1:1"]}}\n';
const SOFA = 'upstreams: {sofa: {protocol: bolt, hosts: ["127.0.0.1:1"]}}\n';
const BOTH =
  'upstreams: {app: {protocol: http, hosts: [h:1]}, sofa: {protocol: bolt, hosts: [h:2]}}\n';

/** What is wrong, as YAML after an upstream in line 1, and the problem without the file's name. */
const CASES: readonly (readonly [name: string, text: string, problem: string])[] = [
  ['unknown section', `${APP}listener: {}`, '2: listener: unknown key; did you mean "listeners"?'],
  [
    'unknown key',
    `${APP}listeners:\n  httpPort: 1\n  mtmpPort: 2`,
    '4: listeners.mtmpPort: unknown key; did you mean "mmtpPort"?',
  ],
  [
    'unknown key without a near one',
    `${APP}filters:\n  zzz: 1`,
    '3: filters.zzz: unknown key; known: "modules"',
  ],
  [
    'integer out of range',
    `${APP}listeners:\n  frameBytesMax: 10`,
    '3: listeners.frameBytesMax: 10 is not allowed; give an integer from 1024 to 16777216',
  ],
  [
    'fraction for an integer',
    `${APP}revision: 1.5`,
    '2: revision: 1.5 is not allowed; give an integer from 0',
  ],
  [
    'not finite',
    `${APP}telemetry: {accessLogSample: .inf}`,
    '2: telemetry.accessLogSample: null is not allowed; give a number from 0 to 1',
  ],
  [
    'neither number nor word',
    `${APP}listeners: {httpPort: on}`,
    '2: listeners.httpPort: "on" is not allowed; give an integer from 0 to 65535 or "off"',
  ],
  [
    'word outside the set',
    `${APP}runtime:\n  placement: fast`,
    '3: runtime.placement: "fast" is not allowed; give "adaptive", "inline" or "pool"',
  ],
  [
    'no map where one belongs',
    `${APP}runtime: 5`,
    '2: runtime: 5 is not allowed; give a map of settings',
  ],
  ['empty section', `${APP}runtime:`, '2: runtime: null is not allowed; give a map of settings'],
  [
    'missing key',
    `${APP}apis:\n  - operationType: a\n  - enabled: true`,
    '4: apis[1].operationType: is missing; give 1 to 128 of A-Z a-z 0-9 . _ - (or "*" alone)',
  ],
  [
    'long operation type',
    `${APP}apis: [{operationType: ${'a'.repeat(129)}}]`,
    `2: apis[0].operationType: "${'a'.repeat(56)}... is not allowed; ` +
      'give 1 to 128 of A-Z a-z 0-9 . _ - (or "*" alone)',
  ],
  [
    'burst below 1',
    `${APP}apis:\n- operationType: a\n  limit:\n    qps: 1\n    burst: 0.5`,
    '6: apis[0].limit.burst: 0.5 is not allowed; give a number from 1 to 10000000',
  ],
  [
    'no hosts',
    'upstreams:\n  app:\n    protocol: http\n    hosts: []',
    '4: upstreams.app.hosts: has 0 items; give a list of 1 to 1024 different items, each HOST:PORT',
  ],
  [
    'the same host twice',
    'upstreams:\n  app: {protocol: http, hosts: [h:1, h:1]}',
    '2: upstreams.app.hosts: has the same item twice; ' +
      'give a list of 1 to 1024 different items, each HOST:PORT',
  ],
  [
    'bad name in a map',
    `${APP}groups:\n  "1 a": {}`,
    '3: groups["1 a"]: this name is not allowed; ' +
      'give a letter, then up to 63 letters, digits, "_" or "-"',
  ],
  [
    '__proto__ as a name',
    `${APP}groups:\n  __proto__: {}`,
    '3: groups.__proto__: this name is not allowed; ' +
      'give a letter, then up to 63 letters, digits, "_" or "-"',
  ],
  [
    'item of a list that may also be a word',
    'upstreams:\n  app:\n    protocol: http\n    hosts: [h:1]\n    headersForward:\n    - "a b"',
    '6: upstreams.app.headersForward[0]: "a b" is not allowed; give a header name',
  ],
  [
    'host without port',
    'upstreams:\n  app:\n    protocol: http\n    hosts:\n    - h',
    '5: upstreams.app.hosts[0]: "h" is not HOST:PORT; ' +
      'give a name or address and a port from 1 to 65535, as in 127.0.0.1:9000',
  ],
  [
    'no upstream',
    'upstreams: {}',
    '1: upstreams: no upstream configured; ' +
      'give --upstream NAME=PROTO://HOST:PORT, or "upstreams" in a file with --config',
  ],
  [
    'unknown group',
    `${APP}groups: {demo: {}}\napis:\n- operationType: a\n  group: dmeo`,
    '5: apis[0].group: no group has the name "dmeo"; did you mean "demo"?',
  ],
  [
    'group named like a method of objects',
    `${APP}apis:\n- operationType: a\n  group: constructor`,
    '4: apis[0].group: no group has the name "constructor"; there is none',
  ],
  [
    'unknown upstream of an API',
    `${APP}apis:\n- operationType: a\n  upstream:\n    name: ap`,
    '5: apis[0].upstream.name: no upstream has the name "ap"; did you mean "app"?',
  ],
  [
    'unknown upstream of a group',
    `${APP}groups:\n  g:\n    upstream: ap`,
    '4: groups.g.upstream: no upstream has the name "ap"; did you mean "app"?',
  ],
  [
    'upstream not clear',
    `${BOTH}apis:\n- operationType: a`,
    '3: apis[0].upstream: neither the API nor its group names one of the upstreams (app, sofa); ' +
      'add upstream.name',
  ],
  [
    'Bolt API without service',
    `${SOFA}apis:\n- operationType: a\n  upstream: {method: m}`,
    '4: apis[0].upstream.service: is missing; upstream "sofa" speaks Bolt, which needs it',
  ],
  [
    'Bolt API without method',
    `${SOFA}apis:\n- operationType: a\n  upstream: {service: s}`,
    '4: apis[0].upstream.method: is missing; upstream "sofa" speaks Bolt, which needs it',
  ],
  [
    'duplicate operation type',
    `${APP}apis:\n- operationType: a\n- operationType: b\n- operationType: a`,
    '5: apis[2].operationType: "a" is also the operation type of apis[0]; remove one of the two',
  ],
  [
    'bad CIDR',
    `${APP}listeners:\n  trustedPeers:\n  - 10.0.0.0/8\n  - 10.0.0.0/33`,
    '5: listeners.trustedPeers[1]: "10.0.0.0/33" is not a CIDR block; ' +
      'give an address or a block such as 10.0.0.0/8',
  ],
  [
    'the same port twice',
    `${APP}listeners:\n  httpPort: 80\n  adminPort: 80`,
    '4: listeners.adminPort: port 80 is also the httpPort; choose another',
  ],
  [
    'nothing to listen on',
    `${APP}listeners:\n  httpPort: off\n  mmtpPort: off`,
    '3: listeners.httpPort: both httpPort and mmtpPort are "off"; give one of them a port',
  ],
  [
    'watermark above the limit',
    `${APP}listeners:\n  outputBytesMax: 65536\n`,
    '2: listeners.highWatermarkBytes: 262144 is more than listeners.outputBytesMax (65536); ' +
      'lower it',
  ],
  [
    'a frame above what all input may take',
    `${APP}listeners:\n  frameBytesMax: 4194304\n  inputTotalBytesMax: 2097152\n`,
    '3: listeners.frameBytesMax: 4194304 is more than listeners.inputTotalBytesMax (2097152); ' +
      'lower it',
  ],
  [
    'reconnect pauses the wrong way round',
    'upstreams:\n  app:\n    protocol: http\n    hosts: [h:1]\n    reconnectMaxMs: 10',
    '2: upstreams.app.reconnectMinMs: 50 is more than reconnectMaxMs (10); lower it',
  ],
  [
    'a service elsewhere without hosts',
    'upstreams:\n  app:\n    protocol: http',
    '2: upstreams.app.hosts: is missing; ' +
      'give a list of 1 to 1024 different items, each HOST:PORT',
  ],
  [
    'a service in this process with hosts',
    'upstreams:\n  app:\n    protocol: local\n    hosts: [h:1]',
    '4: upstreams.app.hosts: has no meaning: an upstream of protocol "local" is in this process ' +
      'and has none; remove it',
  ],
  [
    'CRC without Bolt 2',
    'upstreams:\n  app: {protocol: http, hosts: [h:1], boltCrc: true}',
    '2: upstreams.app.boltCrc: Bolt 1 has no CRC; set boltVersion to 2 or boltCrc to false',
  ],
  [
    'header of one connection',
    `${APP}groups:\n  g:\n    headers:\n      request:\n        add: {Transfer-Encoding: x}`,
    '6: groups.g.headers.request.add.Transfer-Encoding: ' +
      'this header belongs to one connection and is made by the gateway; remove it',
  ],
  [
    'header value with a line feed, which is not shown',
    `${APP}groups:\n  g:\n    headers:\n      response:\n        add: {X-A: "secret\\nX-B: 1"}`,
    '6: groups.g.headers.response.add.X-A: the value is not allowed; ' +
      'give a header value without control characters',
  ],
  [
    'mask of a secret',
    `${APP}groups:\n  g:\n    headers:\n      request:\n        add: {Authorization: '***'}`,
    '6: groups.g.headers.request.add.Authorization: "***" is the mask of a secret; ' +
      'give the value itself',
  ],
  [
    'user id without quotes',
    `${APP}sessions:\n  revocations:\n    users:\n    - {uid: 5, epoch: 1}`,
    '5: sessions.revocations.users[0].uid: 5 is not allowed; give a decimal number in quotes',
  ],
  [
    'user id of more than 64 bits',
    `${APP}sessions:\n  revocations:\n    users:\n    - {uid: "18446744073709551616", epoch: 1}`,
    '5: sessions.revocations.users[0].uid: "18446744073709551616" is not a user id; ' +
      'give a number below 2^64',
  ],
];

describe('a configuration file with', () => {
  for (const [name, text, problem] of CASES) {
    test(`${name} is refused with its line`, async () => {
      assert.deepEqual(await problemsOf(text), [`f.yaml:${problem}`]);
    });
  }

  test('problems of all kinds shows them all, in the order of the file', async () => {
    const text =
      'upstreams:\n  app: {protocol: http, hosts: [h]}\n  sofa: {protocol: bolt, hosts: [h:1]}\n' +
      'runtime:\n  workers: -1\n' +
      'apis:\n- {operationType: a, group: g}\n- {operationType: b, grup: g}\n' +
      '- {operationType: a}\n';
    const lines = (await problemsOf(text)).map((problem) => problem.slice(0, 'f.yaml:2: x'.length));
    const expected = ['2: u', '5: r', '7: a', '8: a', '9: a', '9: a'].map((at) => `f.yaml:${at}`);
    assert.deepEqual(lines, expected);
  });

  /** Two things wrong in one part: the schema finds one, a rule between settings the other. */
  const pairs: readonly (readonly [name: string, text: string, paths: readonly string[]])[] = [
    [
      'an API and its group',
      `${APP}apis: [{operationType: "bad type", group: nog}]`,
      ['apis[0].operationType', 'apis[0].group'],
    ],
    [
      'an API and its upstream',
      `${APP}apis: [{operationType: a, bogus: 1, upstream: {name: ap, verb: GETT}}]`,
      ['apis[0].bogus', 'apis[0].upstream.verb', 'apis[0].upstream.name'],
    ],
    [
      'an API and what Bolt needs',
      `${SOFA}apis: [{operationType: a, timeoutMs: 0, upstream: {method: 5}}]`,
      ['apis[0].timeoutMs', 'apis[0].upstream.method', 'apis[0].upstream.service'],
    ],
    [
      'an API and one of its headers',
      `${APP}apis: [{operationType: a, headers: {request: {add: {Te: x, a: 5}, remove: 1}}}]`,
      [
        'apis[0].headers.request.add.a',
        'apis[0].headers.request.remove',
        'apis[0].headers.request.add.Te',
      ],
    ],
    [
      'a group and its upstream',
      `${APP}groups: {g: {upstream: ap, timeoutMs: 0}}`,
      ['groups.g.timeoutMs', 'groups.g.upstream'],
    ],
    [
      'a listener and ports',
      `${APP}listeners: {host: 5, httpPort: 80, mmtpPort: 80, trustedPeers: [5, x]}`,
      [
        'listeners.host',
        'listeners.trustedPeers[0]',
        'listeners.mmtpPort',
        'listeners.trustedPeers[1]',
      ],
    ],
    [
      'an upstream, its hosts and its pauses',
      'upstreams: {app: {protocol: udp, hosts: [h], reconnectMaxMs: 10}}',
      ['upstreams.app.protocol', 'upstreams.app.hosts[0]', 'upstreams.app.reconnectMinMs'],
    ],
    [
      'a session rule and a revoked user',
      `${APP}sessions: {rule: no, revocations: {users: [{uid: "18446744073709551616"}]}}`,
      ['sessions.rule', 'sessions.revocations.users[0].epoch', 'sessions.revocations.users[0].uid'],
    ],
  ];
  for (const [name, text, paths] of pairs) {
    test(`problems with ${name} shows them all`, async () => {
      const result = await check(text, 'f.yaml');
      assert.ok(!result.ok);
      const found = result.problems.map(({ path }) => path);
      assert.deepEqual(found.toSorted(), paths.toSorted());
    });
  }

  /** What such a key was meant to say is not known: only the key itself is a problem. */
  const misspelt: readonly (readonly [text: string, path: string])[] = [
    [`${BOTH}groups: {g: {upstream: app}}\napis: [{operationType: a, grup: g}]`, 'apis[0].grup'],
    [`${BOTH}apis: [{operationType: a, upstreem: {name: app}}]`, 'apis[0].upstreem'],
    [
      `${SOFA}apis: [{operationType: a, upstream: {servise: s, method: m}}]`,
      'apis[0].upstream.servise',
    ],
    [
      'upstreams: {app: {protocol: bolt, hosts: [h:1], boltCrc: true, boltVersoin: 2}}\n' +
        'apis: [{operationType: a, upstream: {service: s, method: m}}]',
      'upstreams.app.boltVersoin',
    ],
    ['upstreams: {app: {protocol: http, host: [h:1]}}', 'upstreams.app.host'],
    [`${SOFA}api: [{operationType: a, upstream: {service: s, method: m}}]`, 'api'],
  ];
  for (const [text, path] of misspelt) {
    test(`a misspelt key (${path}) shows nothing but that`, async () => {
      const result = await check(text, 'f.yaml');
      assert.ok(!result.ok);
      assert.deepEqual(
        result.problems.map((problem) => problem.path),
        [path],
      );
    });
  }

  test('thousands of problems shows the first 200', async () => {
    const text = `${APP}apis: [${'{}, '.repeat(1000)}]`;
    const problems = await problemsOf(text);
    assert.equal(problems.length, PROBLEMS_MAX + 1);
    assert.equal(problems.at(-1), '800 more problems are not shown');
    assert.equal(limitProblems([]).length, 0);
  });
});

describe('limits that meet', () => {
  test('are allowed', async () => {
    const listeners = 'listeners: {highWatermarkBytes: 4194304, outputBytesMax: 4194304}\n';
    assert.deepEqual(await problemsOf(APP + listeners), []);
    const pauses =
      'upstreams: {a: {reconnectMinMs: 9, reconnectMaxMs: 9, protocol: http, hosts: [h:1]}}';
    assert.deepEqual(await problemsOf(pauses), []);
  });
});

describe('warnings', () => {
  test('name what works but is hardly meant', async () => {
    assert.deepEqual(await warningsOf(`${APP}apis: [{operationType: a, session: required}]`), [
      'apis[0].session: needs a session but there are no keys to check one; ' +
        'give --session-keys FILE',
    ]);
    assert.deepEqual(await warningsOf(`${APP}apis: [{operationType: a, upstream: {method: m}}]`), [
      'apis[0].upstream.method: has no effect: upstream "app" speaks HTTP',
    ]);
    assert.deepEqual(await warningsOf(`${APP}listeners: {host: 0.0.0.0, adminOpen: true}`), [
      'listeners.adminOpen: the admin port is open without a token on 0.0.0.0; ' +
        'anybody there can change everything',
    ]);
    assert.match(
      (await warningsOf(`${APP}listeners: {outputBytesMax: 1048576}`)).join(),
      /^upstreams\.app\.responseBytesMax: 4194304 is more than listeners\.outputBytesMax/,
    );
    assert.deepEqual(await warningsOf(`${APP}apis: [{operationType: a}]`), []);
  });
});
