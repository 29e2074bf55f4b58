// Turns the text of a flag or environment variable into the value of a setting, and checks single
// values against their schema. Whole files are checked by schema-check.ts; a test holds both
// against each other. Kept apart from it so that a start with flags only loads no validator.

import type { SchemaNode } from './settings.ts';

const INTEGER_TEXT = /^-?(0|[1-9][0-9]{0,15})$/;
const NUMBER_TEXT = /^-?(0|[1-9][0-9]{0,15})(\.[0-9]{1,15})?$/;
const TRUE_TEXTS = ['true', '1'];
const FALSE_TEXTS = ['false', '0'];

/** The value that `text` means for a setting, or undefined when the setting does not take it. */
export function valueFromText(node: SchemaNode, text: string): unknown {
  const value = parse(node, text);
  return value !== undefined && takesValue(node, value) ? value : undefined;
}

function parse(node: SchemaNode, text: string): unknown {
  if (node.anyOf) {
    return node.anyOf
      .map((branch) => valueFromText(branch, text))
      .find((value) => value !== undefined);
  }
  switch (node.type) {
    case 'integer':
      return INTEGER_TEXT.test(text) ? Number(text) : undefined;
    case 'number':
      return NUMBER_TEXT.test(text) ? Number(text) : undefined;
    case 'boolean':
      if (TRUE_TEXTS.includes(text)) return true;
      return FALSE_TEXTS.includes(text) ? false : undefined;
    default:
      return text;
  }
}

/** True when a single value or list of single values fits its schema. */
export function takesValue(node: SchemaNode, value: unknown): boolean {
  if (node.anyOf) return node.anyOf.some((branch) => takesValue(branch, value));
  if (node.const !== undefined) return value === node.const;
  if (node.enum) return node.enum.some((word) => word === value);
  switch (node.type) {
    case 'integer':
      return Number.isInteger(value) && isInRange(node, value);
    case 'number':
      return isInRange(node, value);
    case 'boolean':
      return typeof value === 'boolean';
    case 'string':
      return typeof value === 'string' && isTextOfForm(node, value);
    case 'array':
      return Array.isArray(value) && isListOfForm(node, value);
    default:
      return false;
  }
}

function isInRange(node: SchemaNode, value: unknown): boolean {
  if (typeof value !== 'number' || !Number.isFinite(value)) return false;
  if (node.minimum !== undefined && value < node.minimum) return false;
  if (node.exclusiveMinimum !== undefined && value <= node.exclusiveMinimum) return false;
  return node.maximum === undefined || value <= node.maximum;
}

function isTextOfForm(node: SchemaNode, value: string): boolean {
  const length = [...value].length;
  if (node.minLength !== undefined && length < node.minLength) return false;
  if (node.maxLength !== undefined && length > node.maxLength) return false;
  return node.pattern === undefined || new RegExp(node.pattern, 'u').test(value);
}

function isListOfForm(node: SchemaNode, value: readonly unknown[]): boolean {
  if (node.minItems !== undefined && value.length < node.minItems) return false;
  if (node.maxItems !== undefined && value.length > node.maxItems) return false;
  if (node.uniqueItems === true && new Set(value).size !== value.length) return false;
  const items = node.items;
  return items === undefined || value.every((item) => takesValue(items, item));
}
