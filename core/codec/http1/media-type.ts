// HOT PATH. Content-Type header <-> the gateway's three body encodings (RFC 9110 section 8.3).
// Only the type/subtype is looked at; parameters such as charset do not change how a body passes.

import { ContentType } from '../message.ts';
import { equalsIgnoreCase, HT, SP } from './char-classes.ts';

const SEMICOLON = 0x3b;

function typesOf(names: readonly string[]): readonly Buffer[] {
  return names.map((name) => Buffer.from(name, 'latin1'));
}

const JSON_TYPES = typesOf(['application/json', 'text/json']);
const PROTOBUF_TYPES = typesOf([
  'application/protobuf',
  'application/x-protobuf',
  'application/vnd.google.protobuf',
]);
const JSON_SUFFIX = Buffer.from('+json', 'latin1');
const PROTOBUF_SUFFIX = Buffer.from('+protobuf', 'latin1');

function isOneOf(
  bytes: Uint8Array,
  offset: number,
  length: number,
  types: readonly Uint8Array[],
): boolean {
  for (let i = 0; i < types.length; i++) {
    if (equalsIgnoreCase(bytes, offset, length, types[i]!)) return true;
  }
  return false;
}

function endsWith(bytes: Uint8Array, offset: number, length: number, suffix: Uint8Array): boolean {
  const at = offset + length - suffix.length;
  return at > offset && equalsIgnoreCase(bytes, at, suffix.length, suffix);
}

/**
 * The body encoding that the media type at `bytes[offset, offset + length)` names.
 *
 * @param length 0 when the message has no Content-Type
 * @returns a {@link ContentType}: `json` without a type (the gateway's default), `bytes` for every
 *   type that is neither JSON nor protobuf
 */
export function parseMediaType(bytes: Uint8Array, offset: number, length: number): number {
  let end = offset;
  while (end < offset + length && bytes[end] !== SEMICOLON) end++;
  while (end > offset && (bytes[end - 1] === SP || bytes[end - 1] === HT)) end--;
  const typeLength = end - offset;
  if (length === 0 || isOneOf(bytes, offset, typeLength, JSON_TYPES)) return ContentType.json;
  if (isOneOf(bytes, offset, typeLength, PROTOBUF_TYPES)) return ContentType.protobuf;
  if (endsWith(bytes, offset, typeLength, JSON_SUFFIX)) return ContentType.json;
  if (endsWith(bytes, offset, typeLength, PROTOBUF_SUFFIX)) return ContentType.protobuf;
  return ContentType.bytes;
}

const NAMES: readonly string[] = [
  'application/json',
  'application/protobuf',
  'application/octet-stream',
];

/** The media type to send for a {@link ContentType}. */
export function mediaTypeName(contentType: number): string {
  return NAMES[contentType] ?? NAMES[ContentType.bytes]!;
}
