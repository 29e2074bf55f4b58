// JSON Schema of the configuration file, for editors and for the validator. It describes what
// people write: settings with a default may be left out.

import { environmentName, hasDefault, schemaRoot } from './settings.ts';
import type { SchemaNode } from './settings.ts';

/** Metadata words of the settings as JSON Schema extension words. */
const EXTENSIONS = {
  flag: 'x-flag',
  env: 'x-env',
  reload: 'x-reload',
  secret: 'x-secret',
  form: 'x-form',
  defaultFrom: 'x-default-from',
} as const;

/** The words of {@link jsonSchema} that are not JSON Schema's own. */
export const EXTENSION_WORDS: readonly string[] = Object.values(EXTENSIONS);

/** A fresh JSON Schema (draft 7) of the configuration file. */
export function jsonSchema(): Record<string, unknown> {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Mesh gateway configuration',
    ...convert(schemaRoot),
  };
}

function convert(node: SchemaNode): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [word, value] of Object.entries(node)) {
    switch (word) {
      case 'properties':
      case 'patternProperties':
        out[word] = convertAll(node[word] ?? {});
        break;
      case 'items':
        out[word] = convert(value as SchemaNode);
        break;
      case 'anyOf':
        out[word] = (node.anyOf ?? []).map(convert);
        break;
      case 'required':
        Object.assign(out, requiredWithoutDefaults(node));
        break;
      case 'flag':
        out[EXTENSIONS.flag] = `--${String(value)}`;
        out[EXTENSIONS.env] = environmentName(String(value));
        break;
      case 'flagValue':
        break;
      case 'reload':
      case 'secret':
      case 'form':
      case 'defaultFrom':
        out[EXTENSIONS[word]] = value;
        break;
      default:
        out[word] = value;
    }
  }
  return out;
}

function convertAll(nodes: Readonly<Record<string, SchemaNode>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(nodes).map(([key, node]) => [key, convert(node)]));
}

function requiredWithoutDefaults(node: SchemaNode): { required?: readonly string[] } {
  const required = (node.required ?? []).filter((key) => {
    const inner = node.properties?.[key];
    return inner !== undefined && !hasDefault(inner);
  });
  return required.length > 0 ? { required } : {};
}
