// The process log: one JSON object a line, levels that change at run time, repeated lines held
// back.

import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { systemClock, type Clock } from '#core/base/clock.ts';
import { isLogLevel, LIMITED_WINDOW_MS, LOG_LEVELS, ProcessLog } from '#workers/log.ts';

type Line = Record<string, unknown>;

function create(level: (typeof LOG_LEVELS)[number], clock: Clock = systemClock) {
  const lines: Line[] = [];
  const destination = { write: (text: string): void => void lines.push(JSON.parse(text) as Line) };
  return { log: new ProcessLog({ level, role: 'sidecar', clock, destination }), lines };
}

describe('ProcessLog', () => {
  test('a line has time, level, role, pid, fields and text', () => {
    const { log, lines } = create('info');
    log.info('listening', { port: 8003, tls: false });
    const line = lines[0]!;
    assert.equal(line['level'], 'info');
    assert.equal(line['role'], 'sidecar');
    assert.equal(line['pid'], process.pid);
    assert.equal(line['port'], 8003);
    assert.equal(line['tls'], false);
    assert.equal(line['msg'], 'listening');
    assert.equal(new Date(String(line['time'])).toISOString(), line['time']);
  });

  test('each level writes itself and above, and can be changed while running', () => {
    const { log, lines } = create('error');
    for (const [rank, level] of LOG_LEVELS.entries()) {
      assert.equal(log.setLevel(level), true);
      assert.equal(log.level, level);
      lines.length = 0;
      log.debug('debug');
      log.info('info');
      log.warn('warn');
      log.error('error');
      log.warnLimited(level, 'warn');
      const written = LOG_LEVELS.slice(rank).filter((one) => one !== 'silent');
      const limited = rank <= LOG_LEVELS.indexOf('warn') ? ['warn'] : [];
      assert.deepEqual(
        lines.map((line) => line['msg']),
        [...written, ...limited],
      );
    }
  });

  test('an unknown level changes nothing', () => {
    const { log } = create('warn');
    for (const level of ['', 'WARN', 'verbose', '__proto__']) {
      assert.equal(isLogLevel(level), false);
      assert.equal(log.setLevel(level), false);
    }
    assert.equal(log.level, 'warn');
  });

  test('limited warnings: one per key and window, with the number left out', () => {
    let nowMs = 5;
    const { log, lines } = create('info', { ...systemClock, nowMs: () => nowMs });
    for (let i = 0; i < 4; i++) log.warnLimited('malformed', 'bad frame', { peer: '10.0.0.1' });
    log.warnLimited('other-kind', 'something else');
    nowMs += LIMITED_WINDOW_MS - 1;
    log.warnLimited('malformed', 'bad frame');
    nowMs += 1;
    log.warnLimited('malformed', 'bad frame again');
    nowMs += LIMITED_WINDOW_MS;
    log.warnLimited('malformed', 'bad frame');
    assert.deepEqual(
      lines.map((line) => [line['key'], line['msg'], line['suppressed']]),
      [
        ['malformed', 'bad frame', 0],
        ['other-kind', 'something else', 0],
        ['malformed', 'bad frame again', 4],
        ['malformed', 'bad frame', 0],
      ],
    );
    assert.equal(lines[0]!['peer'], '10.0.0.1');
  });

  test('keys without end cost no memory and no flood', () => {
    const { log, lines } = create('info', { ...systemClock, nowMs: () => 0 });
    for (let i = 0; i < 10_000; i++) log.warnLimited(`key ${i}`, 'x');
    assert.equal(lines.length, 257);
  });

  test('text from outside stays inside its line', () => {
    const { log, lines } = create('info');
    log.warn('a\n{"level":"error"}', { peer: '"\u001b[31m\n' });
    assert.equal(lines.length, 1);
    assert.equal(lines[0]!['peer'], '"\u001b[31m\n');
  });

  test('lines reach stderr even when the process exits at once', () => {
    const log = fileURLToPath(new URL('../../workers/log.ts', import.meta.url));
    const clock = fileURLToPath(new URL('../../core/base/clock.ts', import.meta.url));
    const script = `
      import { ProcessLog } from ${JSON.stringify(log)};
      import { systemClock } from ${JSON.stringify(clock)};
      const log = new ProcessLog({ level: 'info', role: 'test', clock: systemClock });
      for (let i = 0; i < 100; i++) log.info('line ' + i);
      process.exit(3);
    `;
    const { status, stderr, stdout } = spawnSync(
      process.execPath,
      ['--input-type=module', '-e', script],
      { encoding: 'utf8' },
    );
    assert.equal(status, 3, stderr);
    assert.equal(stdout, '');
    const messages = stderr
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as Line)['msg']);
    assert.deepEqual(
      messages,
      Array.from({ length: 100 }, (_, i) => `line ${i}`),
    );
  });
});
