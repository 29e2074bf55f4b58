// The schema object: made of real TypeBox types, complete in its metadata, and read alike by the
// validator and by the parser of single values.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { configFlags } from '#config/config-flags.ts';
import { withDefaults } from '#config/defaults.ts';
import { jsonSchema } from '#config/json-schema.ts';
import { schemaFindings } from '#config/schema-check.ts';
import { configSchema } from '#config/schema.ts';
import * as kit from '#config/schema/kit.ts';
import { takesValue, valueFromText } from '#config/setting-text.ts';
import { describeType, environmentName, hasDefault, listSettings } from '#config/settings.ts';
import type { Setting } from '#config/settings.ts';
import { pathText, shownValue } from '#config/value-path.ts';

const description = 'x';

/** Everything of a schema object, the hidden marks too. */
function marks(schema: object): unknown {
  return Object.fromEntries(
    Object.getOwnPropertyNames(schema)
      .toSorted()
      .map((name) => {
        const { value, enumerable } = Object.getOwnPropertyDescriptor(schema, name)!;
        const isNested = typeof value === 'object' && value !== null && !Array.isArray(value);
        return [name, { enumerable, value: isNested ? marks(value) : value }];
      }),
  );
}

describe('schema kit', () => {
  const pairs = {
    integer: [kit.integer({ description, minimum: 1 }), Type.Integer({ description, minimum: 1 })],
    number: [kit.number({ description, maximum: 1 }), Type.Number({ description, maximum: 1 })],
    text: [kit.text({ description }), Type.String({ description, maxLength: 4096 })],
    flag: [kit.flag({ description, default: true }), Type.Boolean({ description, default: true })],
    oneOf: [kit.oneOf(['a', 'b'], { description }), Type.Enum(['a', 'b'], { description })],
    list: [
      kit.list(kit.flag({ description }), { description, maxItems: 3 }),
      Type.Array(Type.Boolean({ description }), { description, maxItems: 3 }),
    ],
    section: [
      kit.section(
        { a: kit.flag({ description }), b: kit.optional(kit.flag({ description })) },
        { description },
      ),
      Type.Object(
        { a: Type.Boolean({ description }), b: Type.Optional(Type.Boolean({ description })) },
        { description, additionalProperties: false },
      ),
    ],
  } as const;

  for (const [name, [own, theirs]] of Object.entries(pairs)) {
    test(`${name} makes what TypeBox makes`, () => assert.deepEqual(marks(own), marks(theirs)));
  }

  test('orWord makes what TypeBox makes', () => {
    const own = kit.orWord('off', kit.integer({ description }), { description });
    const theirs = Type.Union([Type.Integer({ description }), Type.Literal('off')], {
      description,
    });
    assert.equal(JSON.stringify(own), JSON.stringify(theirs));
  });

  test('optional leaves the schema it is given alone', () => {
    const plain = kit.flag({ description });
    assert.equal(kit.isOptional(kit.optional(plain)), true);
    assert.equal(kit.isOptional(plain), false);
  });
});

describe('configSchema', () => {
  test('every setting has a sentence and a default, or says that it may be absent', () => {
    for (const { path, node } of listSettings()) {
      assert.match(node.description, /^[A-Z`].*\.$/, path);
      assert.ok(describeType(node).length > 0, path);
    }
  });

  test('every default fits its own setting', () => {
    for (const { path, node } of listSettings()) {
      if (node.default === undefined || node.type === 'object') continue;
      assert.ok(takesValue(node, node.default), path);
    }
  });

  test('every list, map and text has a limit', () => {
    const check = (node: Record<string, unknown>, path: string): void => {
      if (node['type'] === 'array') assert.ok('maxItems' in node, path);
      if (node['type'] === 'string' && !('const' in node)) assert.ok('maxLength' in node, path);
      if ('patternProperties' in node) assert.ok('maxProperties' in node, path);
      for (const [key, inner] of Object.entries(node)) {
        if (typeof inner === 'object' && inner !== null && key !== 'default') {
          check(inner as Record<string, unknown>, `${path}/${key}`);
        }
      }
    };
    check(jsonSchema(), '');
  });

  test('flags are kebab-case and unique, and so are their variables', () => {
    const names = configFlags.map((flag) => flag.name);
    assert.equal(new Set(names).size, names.length);
    for (const name of names) assert.match(name, /^[a-z]+(-[a-z]+)*$/);
    assert.equal(environmentName('max-frame-bytes'), 'MGW_MAX_FRAME_BYTES');
  });

  test('has every flag that a sidecar must have', () => {
    const names = new Set(configFlags.map((flag) => flag.name));
    const required =
      'config profile http-port mmtp-port host admin-port admin-open workers placement ' +
      'max-frame-bytes max-connections max-streams upstream upstream-connections timeout-ms ' +
      'session-keys session-cache log-level access-log native control drain-ms generation zone ' +
      'app filter';
    for (const name of required.split(' ')) assert.ok(names.has(name), name);
  });

  test('is a TypeBox schema: TypeBox itself accepts a configuration with defaults', () => {
    const value = { upstreams: { app: { protocol: 'http', hosts: ['127.0.0.1:9000'] } } };
    assert.equal(Value.Check(configSchema, withDefaults(value)), true);
    assert.equal(Value.Check(configSchema, { ...value, revision: -1 }), false);
  });
});

describe('jsonSchema', () => {
  test('asks only for what has no default', () => {
    const text = JSON.stringify(jsonSchema());
    assert.ok(!text.includes('"flagValue"') && !text.includes('~'));
    const schema = jsonSchema();
    assert.equal('required' in schema, false);
    assert.match(text, /"x-flag":"--http-port","x-env":"MGW_HTTP_PORT"/);
  });
});

const flagSettings = listSettings().filter(({ node }) => node.flag !== undefined);

/** Settings outside maps and lists, with or without a flag. */
const fixedSettings = listSettings().filter(({ path }) => !/[<[]/.test(path));

async function validatorTakes({ path, tokens }: Setting, value: unknown): Promise<boolean> {
  const nested = tokens.reduceRight<unknown>((inner, token) => ({ [token]: inner }), value);
  const findings = await schemaFindings(nested);
  return !findings.some((finding) => pathText(finding.tokens).startsWith(path));
}

describe('valueFromText', () => {
  test('takes a value exactly when the validator does', async () => {
    const value = fc.oneof(
      fc.constantFrom<unknown>('auto', 'off', 'mesh', 'zh', 'debug', 0, 1, 64, 65, 65_536, true),
      fc.array(fc.constantFrom('compact', 'legacy', 'a'.repeat(32), 'x'), { maxLength: 3 }),
      fc.jsonValue(),
      fc.integer(),
      fc.string(),
    );
    const setting = fc.constantFrom(...fixedSettings);
    await fc.assert(
      fc.asyncProperty(setting, value, async (chosen, given) => {
        if (given === undefined) return;
        const taken = takesValue(chosen.node, given);
        const where = `${pathText(chosen.tokens)} = ${shownValue(given)}`;
        assert.equal(taken, await validatorTakes(chosen, given), where);
      }),
      { numRuns: 1000 },
    );
  });

  test('takes telling values exactly when the validator does', async () => {
    const words = ['auto', 'off', '', 'x', 'compact', 'a'.repeat(32), 'a'.repeat(4097)];
    const numbers = [-1, 0, 0.5, 1, 64, 65, 1023, 1024, 65_536, 1e12, Number.MAX_SAFE_INTEGER];
    const lists = [[], ['compact'], ['compact', 'compact'], ['compact', 'legacy', 'x'], [1], ['']];
    for (const setting of fixedSettings) {
      for (const value of [...words, ...numbers, ...lists, true, null, {}]) {
        const where = `${setting.path} = ${shownValue(value)}`;
        assert.equal(takesValue(setting.node, value), await validatorTakes(setting, value), where);
      }
    }
  });

  test('reads the text of every default back', () => {
    for (const { node, path } of flagSettings) {
      if (!hasDefault(node) || Array.isArray(node.default)) continue;
      assert.equal(valueFromText(node, String(node.default)), node.default, path);
    }
  });

  test('reads numbers strictly', () => {
    const port = flagSettings.find(({ node }) => node.flag === 'http-port')!.node;
    for (const text of ['', ' 1', '1 ', '01', '+1', '1.0', '1e3', '0x10', '-1', '65536', 'of']) {
      assert.equal(valueFromText(port, text), undefined, text);
    }
    assert.equal(valueFromText(port, '0'), 0);
    assert.equal(valueFromText(port, 'off'), 'off');
  });
});
