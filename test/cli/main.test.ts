// `mgw` and `mgw help`: which command is meant.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { main } from '#cli/main.ts';
import { runCommand } from './support.ts';

const mgw = (...argv: readonly string[]) => runCommand(main, argv);

describe('mgw help', () => {
  for (const argv of [[], ['help'], ['--help'], ['-h'], ['help', 'help'], ['help', '--help']]) {
    test(`"${argv.join(' ')}" lists the commands`, async () => {
      const { code, out, err } = await mgw(...argv);
      assert.deepEqual([code, err], [0, '']);
      assert.match(out, /^Usage: mgw <command> \[flags\]\n/);
      assert.match(out, /^ {2}sidecar +mesh gateway beside a service$/m);
    });
  }

  test('with a command tells its flags', async () => {
    const { code, out } = await mgw('help', 'drain');
    assert.equal(code, 0);
    assert.match(out, /^mgw drain .*\n[^]*--pid/);
  });

  const unknown: readonly (readonly [argv: readonly string[], text: string])[] = [
    [['sidcar'], 'Unknown command "sidcar": did you mean "sidecar"? '],
    [['help', 'sidcar'], 'Unknown command "sidcar": did you mean "sidecar"? '],
    [['help', 'nosuch'], 'Unknown command "nosuch": '],
    [['help', 'constructor'], 'Unknown command "constructor": '],
  ];
  for (const [argv, text] of unknown) {
    test(`"${argv.join(' ')}" is wrong usage that names the command`, async () => {
      const { code, out, err } = await mgw(...argv);
      assert.deepEqual([code, out, err], [2, '', `${text}\`mgw help\` lists the commands\n`]);
    });
  }
});
