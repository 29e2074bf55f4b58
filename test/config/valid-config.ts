// Random valid configuration files for property tests. Single settings are drawn from the schema
// itself, so that a new setting is covered without anybody thinking of it; what refers to other
// parts (upstreams, groups, APIs) is put together here.

import * as fc from 'fast-check';
import { mapValues, mayBeAbsent, schemaRoot } from '#config/settings.ts';
import type { SchemaNode } from '#config/settings.ts';
import { SECRET_MASK } from '#config/mask.ts';

type Json = fc.Arbitrary<unknown>;
type Draw = Readonly<Record<string, Json>>;

/** Values of one schema node; keys that may be absent sometimes are. */
function fromSchema(node: SchemaNode, fixed: Draw = {}): Json {
  if (node.anyOf) return fc.oneof(...node.anyOf.map((branch) => fromSchema(branch)));
  if (node.const !== undefined) return fc.constant(node.const);
  if (node.enum) return fc.constantFrom(...node.enum);
  if (node.properties) return section(node.properties, fixed);
  const values = mapValues(node);
  if (values) return fc.dictionary(NAME, fromSchema(values), { maxKeys: 3 });
  switch (node.type) {
    case 'integer':
      return fc.integer({ min: node.minimum ?? 0, max: node.maximum ?? 1000 });
    case 'number':
      return fc.double({ min: node.minimum ?? 0.5, max: node.maximum ?? 1000, noNaN: true });
    case 'boolean':
      return fc.boolean();
    case 'array':
      return list(node);
    default:
      return text(node);
  }
}

function section(properties: Readonly<Record<string, SchemaNode>>, fixed: Draw): Json {
  const keys = Object.keys(properties);
  const requiredKeys = keys.filter((key) => fixed[key] || !mayBeAbsent(properties[key]!));
  const entries = keys.map((key) => [key, fixed[key] ?? fromSchema(properties[key]!)] as const);
  return fc.record(Object.fromEntries(entries), { requiredKeys });
}

function list(node: SchemaNode): Json {
  const item = node.items ? fromSchema(node.items) : fc.string();
  const range = { minLength: node.minItems ?? 0, maxLength: Math.min(node.maxItems ?? 3, 3) };
  return node.uniqueItems === true ? fc.uniqueArray(item, range) : fc.array(item, range);
}

function text(node: SchemaNode): Json {
  const pattern = node.pattern;
  if (pattern !== undefined) {
    const max = node.maxLength ?? 4096;
    return fc
      .stringMatching(new RegExp(pattern, 'u'), { maxLength: 40 })
      .filter((value) => value.length <= max && value !== SECRET_MASK);
  }
  return fc.string({ minLength: node.minLength ?? 0, maxLength: 20 });
}

const NAME = fc.stringMatching(/^[A-Za-z][A-Za-z0-9_-]{0,10}$/);

const HEADER_CHANGE: Json = fc.record(
  {
    add: fc.dictionary(fc.constantFrom('X-A', 'X-B', 'authorization'), fc.constantFrom('1', '')),
    remove: fc.uniqueArray(fc.constantFrom('Cookie', 'X-Old'), { maxLength: 2 }),
  },
  { requiredKeys: [] },
);
const HEADERS: Json = fc.record({ request: HEADER_CHANGE, response: HEADER_CHANGE });

const PORT = fc.integer({ min: 1, max: 65_535 });
const HOST = fc.oneof(
  PORT.map((port) => `127.0.0.1:${port}`),
  PORT.map((port) => `[::1]:${port}`),
  PORT.map((port) => `service.local:${port}`),
);

function node(...keys: readonly string[]): SchemaNode {
  let at = schemaRoot;
  for (const key of keys) at = at.properties?.[key] ?? at;
  return at;
}

/** Services elsewhere have hosts, a service in this process has none. */
const UPSTREAM: Json = fromSchema(mapValues(node('upstreams'))!, {
  hosts: fc.uniqueArray(HOST, { minLength: 1, maxLength: 3 }),
  boltVersion: fc.constant(2),
  reconnectMinMs: fc.integer({ min: 1, max: 100 }),
  reconnectMaxMs: fc.integer({ min: 100, max: 1000 }),
}).map((value) => {
  const upstream = value as { readonly protocol: string };
  return upstream.protocol === 'local' ? { ...upstream, hosts: undefined } : upstream;
});

const LISTENERS: Json = fromSchema(node('listeners'), {
  httpPort: fc.constantFrom(0, 8003),
  mmtpPort: fc.constantFrom(0, 'off', 8004),
  adminPort: fc.constantFrom(0, 'off', 8100),
  highWatermarkBytes: fc.integer({ min: 4096, max: 65_536 }),
  outputBytesMax: fc.integer({ min: 65_536, max: 1_048_576 }),
  inputTotalBytesMax: fc.integer({ min: 16_777_216, max: 268_435_456 }),
  trustedPeers: fc.array(fc.constantFrom('10.0.0.0/8', '::1', 'fd00::/8'), { maxLength: 2 }),
});

const SESSIONS: Json = fromSchema(node('sessions'), {
  revocations: fc.record({
    users: fc.array(
      fc.record({
        uid: fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }).map(String),
        epoch: fc.integer({ min: 0, max: 0xffff_ffff }),
      }),
      { maxLength: 2 },
    ),
  }),
});

function apiWith(upstreams: readonly string[], groups: readonly string[]): Json {
  const one = (names: readonly string[]) => fc.constantFrom(...names);
  return fromSchema(node('apis').items!, {
    ...(groups.length > 0 ? { group: one(groups) } : { group: fc.constant(undefined) }),
    upstream: fc.record({ name: one(upstreams), service: fc.constant('s'), method: NAME }),
    headers: HEADERS,
  });
}

/** Configuration files that a check must accept. Values of `undefined` are left out. */
export const validConfig: Json = fc
  .record({
    revision: fromSchema(node('revision')),
    runtime: fromSchema(node('runtime')),
    listeners: LISTENERS,
    sessions: SESSIONS,
    limits: fromSchema(node('limits')),
    filters: fromSchema(node('filters')),
    telemetry: fromSchema(node('telemetry')),
    upstreams: fc.dictionary(NAME, UPSTREAM, { minKeys: 1, maxKeys: 3 }),
    groups: fc.dictionary(
      NAME,
      fromSchema(mapValues(node('groups'))!, {
        upstream: fc.constant(undefined),
        headers: HEADERS,
      }),
      { maxKeys: 2 },
    ),
  })
  .chain((config) => {
    const api = apiWith(Object.keys(config.upstreams), Object.keys(config.groups));
    const apis = fc.uniqueArray(api, {
      minLength: 1,
      maxLength: 4,
      selector: (value) => (value as { operationType: string }).operationType,
    });
    return apis.map((list) => ({ ...config, apis: list }));
  })
  .map((config): unknown => JSON.parse(JSON.stringify(config)));
