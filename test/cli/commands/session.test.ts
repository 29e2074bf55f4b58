// `mgw session` as its caller sees it: output, exit codes, files.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';

import { ensureKeyFile } from '#cli/commands/session-key-file.ts';
import { runSession } from '#cli/commands/session.ts';

const folder = mkdtempSync(join(tmpdir(), 'mgw-session-'));
after(() => rmSync(folder, { recursive: true }));

const KEYS = join(folder, 'keys.json');
ensureKeyFile(KEYS);

interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function run(...argv: string[]): Promise<Run> {
  let out = '';
  let err = '';
  const stdout = { write: (text: string) => (out += text) };
  const stderr = { write: (text: string) => (err += text) };
  const code = await runSession(argv, { stdout, stderr });
  return { code, out, err };
}

async function issue(...flags: string[]): Promise<string> {
  const { code, out, err } = await run('issue', '--keys', KEYS, '--uid=208812345', ...flags);
  assert.equal(code, 0, err);
  assert.match(out, /^[\w-]+\n$/);
  assert.equal(err, '');
  return out.trim();
}

const verify = (...argv: string[]): Promise<Run> => run('verify', '--keys', KEYS, ...argv);

describe('mgw session issue', () => {
  test('prints base64url only, valid for its channel and device', async () => {
    const text = await issue('--device', 'd1', '--channel', 'pc');
    assert.deepEqual(await verify(text, '--channel=pc', '--device=d1'), {
      code: 0,
      out: 'valid\n',
      err: '',
    });
    const other = await verify(text, '--channel=pc', '--device=d2');
    assert.deepEqual([other.code, other.out], [1, 'invalid: wrongDevice\n']);
    const wireless = await verify(text, '--device=d1');
    assert.deepEqual([wireless.code, wireless.out], [1, 'invalid: wrongChannel\n']);
  });

  test('--size is exact over its whole range', async () => {
    for (const size of [84, 86, 87, 340, 341, 342, 343, 598, 599, 600, 649, 650]) {
      const text = await issue('--size', String(size));
      assert.equal(Buffer.from(text, 'base64url').length, size);
      assert.equal((await verify(text)).out, 'valid\n', `size ${size}`);
    }
    for (const size of ['83', '85', '651', 'x']) {
      const { code, out, err } = await run('issue', '--keys', KEYS, '--uid=1', '--size', size);
      assert.deepEqual([code, out], [2, '']);
      assert.match(err, /--size/);
    }
  });

  test('every field gets where it belongs', async () => {
    const text = await issue(
      '--ttl=5',
      '--issued-at=1800000000',
      '--epoch=6',
      '--level=3',
      '--shard=9',
    );
    const { out } = await run('inspect', text);
    assert.match(out, /^issued at +2027-01-15T08:00:00Z/m);
    assert.match(out, /^time to live +5 s/m);
    assert.match(out, /^epoch +6$/m);
    assert.match(out, /^login level +3$/m);
    assert.match(out, /^shard +34 by uid, hint 09$/m);
    assert.match(out, /^uid +208812345$/m);
    assert.match(out, /^signature +unverified/m);
    assert.equal((await verify(text, '--at=1800000065')).out, 'valid\n');
    assert.equal((await verify(text, '--at=1800000066')).out, 'invalid: expired\n');
    assert.equal((await verify(text, '--at=1799999939')).out, 'invalid: notYetValid\n');
  });

  test('two sessions of a user have different sids', async () => {
    assert.notEqual(await issue('--issued-at=1'), await issue('--issued-at=1'));
  });

  const wrong: readonly (readonly [string, string[], RegExp])[] = [
    ['no uid', [], /--uid is missing/],
    ['bad uid', ['--uid=-5'], /--uid "-5" is not allowed/],
    ['big uid', ['--uid=18446744073709551616'], /--uid/],
    ['unknown flag', ['--uid=1', '--chanel=pc'], /--channel/],
    ['unknown channel', ['--uid=1', '--channel=tv'], /"tv"/],
    ['unknown key', ['--uid=1', '--kid=9'], /Key 9 does not sign/],
    ['fraction', ['--uid=1', '--ttl=1.5'], /--ttl/],
    ['extra argument', ['--uid=1', 'more'], /more/],
  ];
  for (const [name, flags, message] of wrong) {
    test(`refuses: ${name}`, async () => {
      const { code, out, err } = await run('issue', '--keys', KEYS, ...flags);
      assert.deepEqual([code, out], [2, '']);
      assert.match(err, message);
    });
  }
});

describe('mgw session key files', () => {
  test('a missing file says how to make one', async () => {
    const missing = join(folder, 'missing.json');
    const { code, err } = await run('issue', '--uid=1', '--keys', missing);
    assert.equal(code, 2);
    assert.ok(err.includes(`mgw session keygen --out ${missing}`));
  });

  test('a wrong --uid or --size is told before a missing file', async () => {
    const missing = join(folder, 'missing.json');
    for (const command of ['issue', 'legacy']) {
      const none = await run(command, '--keys', missing);
      assert.deepEqual([none.code, none.out], [2, '']);
      assert.match(none.err, /: --uid is missing; write --uid=N\n$/);
      const wrong = await run(command, '--uid=abc', '--keys', missing);
      assert.equal(wrong.code, 2);
      assert.match(wrong.err, /: --uid "abc" is not allowed; give a decimal number below 2\^64\n$/);
    }
    assert.match((await run('issue', '--uid=1', '--size=85', '--keys', missing)).err, /--size 85/);
  });

  test('a wrong file names every problem', async () => {
    const path = join(folder, 'wrong.json');
    writeFileSync(path, '{"keys":[{"kid":-1,"state":"on","master":""}]}');
    const { code, err } = await run('verify', 'AQ', '--keys', path);
    assert.equal(code, 2);
    for (const field of ['kid', 'state', 'master']) assert.ok(err.includes(`keys[0].${field}`));
  });

  test('without a signing or a legacy key issue and legacy say so', async () => {
    const path = join(folder, 'mute.json');
    const master = Buffer.alloc(32, 1).toString('base64');
    writeFileSync(path, JSON.stringify({ keys: [{ kid: 1, state: 'verify-only', master }] }));
    assert.match((await run('issue', '--uid=1', '--keys', path)).err, /state "signing"/);
    assert.match((await run('legacy', '--uid=1', '--keys', path)).err, /marked "legacy"/);
  });

  test('keygen prints a file, or creates one that only its owner reads', async () => {
    const printed = await run('keygen', '--kid=7', '--no-legacy');
    const { keys } = JSON.parse(printed.out) as { keys: { kid: number; legacy?: boolean }[] };
    assert.deepEqual([keys.length, keys[0]?.kid, keys[0]?.legacy], [1, 7, undefined]);
    const path = join(folder, 'deep', 'er', 'new.json');
    assert.equal((await run('keygen', '--out', path)).code, 0);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal((await run('issue', '--uid=1', '--keys', path)).code, 0);
  });

  test('keygen overwrites only when forced, and narrows the mode', async () => {
    const path = join(folder, 'kept.json');
    writeFileSync(path, 'precious');
    chmodSync(path, 0o644);
    const { code, err } = await run('keygen', '--out', path);
    assert.equal(code, 1);
    assert.match(err, /exists; --force overwrites it/);
    assert.equal(readFileSync(path, 'utf8'), 'precious');
    assert.equal((await run('keygen', '--out', path, '--force')).code, 0);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.match(readFileSync(path, 'utf8'), /"state":"signing"/);
  });

  test('a folder that cannot be made is reported', async () => {
    const { code, err } = await run('keygen', '--out', join(KEYS, 'below.json'));
    assert.equal(code, 2);
    assert.match(err, /Cannot write/);
  });

  test('ensureKeyFile makes the file once', () => {
    const path = join(folder, '.mgw', 'session-keys.json');
    assert.equal(ensureKeyFile(path), true);
    const text = readFileSync(path, 'utf8');
    assert.match(
      text,
      /^\{"keys":\[\{"kid":1,"state":"signing","master":"[^"]{44}","legacy":true\}\]\}\n$/,
    );
    assert.equal(ensureKeyFile(path), false);
    assert.equal(readFileSync(path, 'utf8'), text);
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });
});

describe('mgw session verify and inspect', () => {
  test('read a file as well as text', async () => {
    const path = join(folder, 'session.txt');
    writeFileSync(path, `${await issue()}\n`);
    assert.equal((await verify(path)).out, 'valid\n');
    assert.match((await run('inspect', path)).out, /^uid +208812345$/m);
  });

  test('read standard input', async () => {
    const program =
      "import { runSession } from '#cli/commands/session.ts';" +
      'process.exitCode = await runSession(process.argv.slice(1), process);';
    const flags = ['--input-type=module', '-e', program, 'verify', '-', '--keys', KEYS];
    const input = `${await issue()}\n`;
    const child = spawnSync(process.execPath, flags, { input, encoding: 'utf8' });
    assert.deepEqual([child.status, child.stdout], [0, 'valid\n'], child.stderr);
  });

  test('a file that cannot be read is reported', async () => {
    const { code, err } = await run('inspect', folder);
    assert.equal(code, 1);
    assert.match(err, /Cannot read/);
  });

  test('inspect says that an argument is neither a session nor a file', async () => {
    const { code, out, err } = await run('inspect', 'nosuchfile');
    assert.deepEqual([code, out], [1, '']);
    assert.match(err, /"nosuchfile" is neither a session \(canonical base64url\) nor a file/);
    const path = join(folder, 'no-session.txt');
    writeFileSync(path, 'A=');
    assert.match(
      (await run('inspect', path)).err,
      /The text in .*no-session\.txt is not canonical/,
    );
  });

  test('name the reason and exit 1', async () => {
    const text = await issue();
    const other = text.at(-2) === 'A' ? 'Q' : 'A';
    for (const [bad, reason] of [
      [`${text}=`, 'badText'],
      ['AQ', 'tooShort'],
      [`B${text.slice(1)}`, 'badVersion'],
      [`${text.slice(0, -2)}${other}${text.at(-1)}`, 'badMac'],
    ] as const) {
      const { code, out } = await verify(bad);
      assert.deepEqual([code, out], [1, `invalid: ${reason}\n`]);
    }
    assert.deepEqual(await run('inspect', 'A=').then(({ code }) => code), 1);
  });

  test('a legacy session is valid on both channels', async () => {
    const { code, out } = await run('legacy', '--keys', KEYS, '--uid=5', '--device=d', '--seed=3');
    assert.equal(code, 0);
    const text = out.trim();
    const size = Buffer.from(text, 'base64url').length;
    assert.ok(size > 2000 && size < 3200, `${size} bytes`);
    for (const channel of ['wireless', 'pc']) {
      assert.equal((await verify(text, '--device=d', '--channel', channel)).out, 'valid\n');
    }
    assert.equal((await verify(text)).out, 'invalid: wrongDevice\n');
    assert.match((await run('inspect', text)).out, /^uid +"5"$/m);
  });
});

describe('mgw session', () => {
  test('help goes to standard output with 0, no command is wrong usage', async () => {
    for (const argv of [['--help'], ['help'], ['issue', '--help'], ['keygen', '-h']]) {
      const { code, out } = await run(...argv);
      assert.equal(code, 0);
      assert.match(out, /mgw session/);
    }
    assert.equal((await run()).code, 2);
  });

  test('an unknown command names the nearest one', async () => {
    const { code, err } = await run('isue');
    assert.equal(code, 2);
    assert.match(err, /"issue"/);
  });
});
