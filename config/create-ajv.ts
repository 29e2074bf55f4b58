// How the configuration schema is compiled, here and by a build.

import { Ajv, type CodeOptions } from 'ajv';
import { EXTENSION_WORDS } from './json-schema.ts';

/** @param code how the validator is written; absent: to be run here and now */
export function createAjv(code: CodeOptions = {}): Ajv {
  const ajv = new Ajv({ allErrors: true, strict: true, allowUnionTypes: true, code });
  ajv.addVocabulary([...EXTENSION_WORDS]);
  return ajv;
}
