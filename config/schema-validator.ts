// The validator of the configuration schema. Here the schema is compiled when this file is loaded,
// which is only when there is a file to check. A build puts in its place what ajv makes of
// `createAjv` and the schema, so that an installed gateway neither loads nor runs a compiler: that
// takes 15 MB and 50 ms.

import type { ValidateFunction } from 'ajv';
import { createAjv } from './create-ajv.ts';
import { jsonSchema } from './json-schema.ts';

/** True for a configuration that fits the schema; `errors` tells what does not. */
export const validate: ValidateFunction = createAjv().compile(jsonSchema());
