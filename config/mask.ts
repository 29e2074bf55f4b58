// Hides secret values before a configuration is shown. What was masked cannot be put back: a
// configuration with masks in it is refused.

import type { GatewayConfig } from './schema.ts';
import { mapValues, schemaAt, schemaRoot } from './settings.ts';
import type { SchemaNode } from './settings.ts';
import { isMap } from './value-path.ts';
import type { Tokens } from './value-path.ts';

/** Stands for every secret value. */
export const SECRET_MASK = '***';

/** A copy of the configuration with {@link SECRET_MASK} in place of every secret. */
export function maskSecrets(config: GatewayConfig): GatewayConfig {
  // Only texts are replaced, by texts: the shape stays that of a configuration.
  return maskNode(schemaRoot, config) as GatewayConfig;
}

/** True when the setting at `tokens` must not be shown. */
export function isSecret(tokens: Tokens): boolean {
  return schemaAt(tokens)?.secret === true;
}

function maskNode(node: SchemaNode | undefined, value: unknown): unknown {
  if (node === undefined) return value;
  if (node.secret === true) return SECRET_MASK;
  if (Array.isArray(value)) return value.map((item) => maskNode(node.items, item));
  if (!isMap(value)) return value;
  const inner = (key: string) => node.properties?.[key] ?? mapValues(node);
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, maskNode(inner(key), item)]),
  );
}
