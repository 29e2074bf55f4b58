// Command lines: every form of a flag, and a problem for everything that is none.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { defineFlags, parseFlags } from '#config/flags.ts';
import { helpText } from '#config/help.ts';

const FLAGS = defineFlags([
  { name: 'data', short: 'd', type: 'string', value: 'JSON', description: 'Body.' },
  {
    name: 'count',
    short: 'n',
    type: 'number',
    isInteger: true,
    minimum: 1,
    maximum: 100,
    default: 1,
    value: 'N',
    description: 'Requests.',
  },
  { name: 'pretty', type: 'boolean', default: true, description: 'Colours.' },
  { name: 'header', type: 'list', value: 'NAME:VALUE', description: 'Header.' },
  { name: 'channel', type: 'string', choices: ['wireless', 'pc'], description: 'Channel.' },
  { name: 'later', type: 'string', description: 'Later.', notYet: 'not in this version' },
]);
const TABLE = { flags: FLAGS, positionals: { name: 'OPERATION', minimum: 1, maximum: 2 } };

function problemsOf(...argv: string[]): readonly string[] {
  return parseFlags(argv, TABLE).problems.map(({ path, message }) => `${path}: ${message}`);
}

describe('parseFlags', () => {
  test('reads every form and fills in defaults', () => {
    const argv = ['op', '-d', '{"a":1}', '--count=7', '--no-pretty', '--header', 'a:1'];
    const parsed = parseFlags([...argv, '--header=b:2', '--channel', 'pc'], TABLE);
    assert.deepEqual(parsed.problems, []);
    assert.deepEqual(parsed.positionals, ['op']);
    const { data, count, pretty, header, channel } = parsed.values;
    assert.deepEqual(
      { data, count, pretty, header, channel },
      { data: '{"a":1}', count: 7, pretty: false, header: ['a:1', 'b:2'], channel: 'pc' },
    );
  });

  test('gives defaults their type and leaves the rest absent', () => {
    const { values } = parseFlags(['op'], TABLE);
    const count: number = values.count;
    const pretty: boolean = values.pretty;
    const data: string | undefined = values.data;
    assert.deepEqual({ count, pretty, data }, { count: 1, pretty: true, data: undefined });
  });

  test('takes everything after -- as it is', () => {
    const parsed = parseFlags(['--', '--count', '-x'], TABLE);
    assert.deepEqual([parsed.positionals, parsed.problems], [['--count', '-x'], []]);
  });

  test('takes a negative number as a value', () => {
    assert.deepEqual(problemsOf('op', '-n', '-5'), [
      '-n: "-5" is not allowed; give an integer from 1 to 100',
    ]);
  });

  test('refuses unknown flags and names the nearest', () => {
    assert.deepEqual(problemsOf('op', '--cuont=3'), [
      '--cuont: unknown flag; did you mean --count?',
    ]);
    assert.deepEqual(problemsOf('op', '--no-prety'), [
      '--no-prety: unknown flag; did you mean --no-pretty?',
    ]);
    assert.match(problemsOf('op', '-x')[0] ?? '', /^-x: unknown flag/);
    assert.match(problemsOf('op', '-undefined')[0] ?? '', /^-undefined: unknown flag/);
  });

  test('refuses wrong, missing and repeated values', () => {
    for (const text of ['1.5', '0', '101', 'x', '', '1e2', ' 1', '0x1']) {
      const expected = [`--count: "${text}" is not allowed; give an integer from 1 to 100`];
      assert.deepEqual(problemsOf('op', `--count=${text}`), expected);
    }
    assert.deepEqual(problemsOf('op', '--data'), ['--data: needs a value; write --data=JSON']);
    assert.deepEqual(problemsOf('op', '--data', '--count', '2'), [
      '--data: needs a value; write --data=JSON',
    ]);
    assert.deepEqual(problemsOf('op', '--count=1', '-n', '2'), [
      '-n: is given more than once; give it once',
    ]);
    assert.deepEqual(problemsOf('op', '--pretty=maybe'), [
      '--pretty: takes no value "maybe"; write --pretty or --no-pretty',
    ]);
    assert.deepEqual(problemsOf('op', '--channel', 'pcc'), [
      '--channel: "pcc" is not allowed; did you mean "pc"?',
    ]);
  });

  test('refuses flags of a later version', () => {
    assert.deepEqual(problemsOf('op', '--later', 'x'), ['--later: not in this version']);
  });

  test('counts positionals', () => {
    assert.deepEqual(problemsOf(), ['OPERATION: is missing; the command needs 1 of it']);
    assert.deepEqual(problemsOf('a', 'b', 'c'), ['c: unexpected argument; flags start with "--"']);
  });

  test('asks for nothing when help is wanted', () => {
    const parsed = parseFlags(['--help'], TABLE);
    assert.deepEqual([parsed.isHelp, parsed.problems], [true, []]);
    assert.equal(parseFlags(['-h'], TABLE).isHelp, true);
    assert.equal(parseFlags(['op'], TABLE).isHelp, false);
  });

  test('finds all problems of a line', () => {
    assert.equal(problemsOf('--cuont=1', '--count=0', '--data').length, 4);
  });

  test('reads back what was written, whatever the text', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 100 }), (data, count) => {
        const parsed = parseFlags(['op', `--data=${data}`, '-n', String(count)], TABLE);
        assert.deepEqual(parsed.problems, []);
        assert.deepEqual([parsed.values.data, parsed.values.count], [data, count]);
      }),
    );
  });

  test('throws on nothing', () => {
    const word = fc.oneof(fc.string(), fc.constantFrom('--', '-', '--data', '-n', '--no-', '--='));
    fc.assert(
      fc.property(fc.array(word, { maxLength: 8 }), (argv) => {
        const parsed = parseFlags(argv, TABLE);
        for (const { message } of parsed.problems) assert.ok(message.length > 0);
      }),
    );
  });
});

describe('helpText', () => {
  test('shows usage, flags with defaults, and examples', () => {
    const text = helpText({
      ...TABLE,
      name: 'call',
      usage: 'OPERATION [flags]',
      summary: 'Calls an operation type.',
      examples: ['mgw call demo.echo'],
    });
    assert.equal(
      text,
      [
        'mgw call OPERATION [flags]',
        '',
        'Calls an operation type.',
        '',
        'Flags:',
        '  -d, --data JSON        Body.',
        '  -n, --count N          Requests. (default 1)',
        '  --pretty               Colours. (default true)',
        '  --header NAME:VALUE    Header. (repeatable)',
        '  --channel wireless|pc  Channel.',
        '  --later VALUE          Later. (not in this version)',
        '',
        'Examples:',
        '  mgw call demo.echo',
        '',
      ].join('\n'),
    );
  });

  test('keeps every line within 100 columns', () => {
    const flag = { name: 'long', type: 'string', description: 'word '.repeat(60).trim() } as const;
    const text = helpText({ name: 'x', usage: '', summary: 'y', flags: [flag] });
    assert.ok(text.split('\n').every((line) => line.length <= 100));
    assert.equal(text.match(/word/g)?.length, 60);
  });
});
