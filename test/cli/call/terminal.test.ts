// What goes to terminals, and only there.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { paintFor, printable, Progress, terminalOf } from '#cli/call/terminal.ts';

function stream(isTTY: boolean, columns?: number) {
  const written: string[] = [];
  const write = (text: string) => written.push(text);
  return { written, isTTY, columns, write };
}

describe('terminalOf', () => {
  test('colours and rewriting are for terminals that do not refuse them', () => {
    const seen = (isTTY: boolean, env: Record<string, string>) => {
      const { isInteractive, hasColours } = terminalOf(stream(isTTY, 80), env);
      return [isInteractive, hasColours];
    };
    assert.deepEqual(seen(true, {}), [true, true]);
    assert.deepEqual(seen(true, { NO_COLOR: '' }), [true, true]);
    assert.deepEqual(seen(true, { NO_COLOR: '1' }), [true, false]);
    assert.deepEqual(seen(true, { TERM: 'dumb' }), [false, false]);
    assert.deepEqual(seen(false, {}), [false, false]);
  });

  test('a stream that is no terminal, or hides its width, has 80 columns', () => {
    assert.equal(terminalOf({ write: () => true }, {}).columns, 80);
    assert.equal(terminalOf(stream(true), {}).columns, 80);
    assert.equal(terminalOf(stream(true, 132), {}).columns, 132);
  });

  test('paintFor paints where colours are shown', () => {
    assert.equal(paintFor(terminalOf(stream(true), {}))('red', 'x'), '\x1b[31mx\x1b[0m');
    assert.equal(paintFor(terminalOf(stream(false), {}))('red', 'x'), 'x');
  });
});

test('printable writes control characters as escapes', () => {
  assert.equal(printable('a\x1b[2J\n\u009bü'), 'a\\x1b[2J\\x0a\\x9bü');
});

describe('Progress', () => {
  test('rewrites a line of a terminal, cut to its width, and takes it away', (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const output = stream(true, 6);
    let count = 0;
    const progress = new Progress(output, terminalOf(output, {}), () => `line ${++count}`);
    t.mock.timers.tick(200);
    progress.stop();
    t.mock.timers.tick(1000);
    assert.deepEqual(output.written, ['\r\x1b[Kline ', '\r\x1b[Kline ', '\r\x1b[K']);
    assert.equal(count, 2);
  });

  test('adds whole lines elsewhere, seldom', (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const output = stream(false, 6);
    const progress = new Progress(output, terminalOf(output, {}), () => 'a long line');
    t.mock.timers.tick(1900);
    assert.deepEqual(output.written, []);
    t.mock.timers.tick(2200);
    progress.stop();
    assert.deepEqual(output.written, ['a long line\n', 'a long line\n']);
  });

  test('leaves no trace of a line that was never shown', (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const output = stream(true);
    new Progress(output, terminalOf(output, {}), () => 'x').stop();
    assert.deepEqual(output.written, []);
  });
});
