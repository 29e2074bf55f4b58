// Puts the configuration schema's validator into the built form as code, in place of the file that
// compiles it when it is loaded.

import { createRequire } from 'node:module';
import standaloneCode from 'ajv/dist/standalone/index.js';
import type { Plugin } from 'esbuild';
import { createAjv } from '#config/create-ajv.ts';
import { jsonSchema } from '#config/json-schema.ts';

const require = createRequire(import.meta.url);

/** The few functions that the code calls; small enough to be part of it. */
const AJV_RUNTIME = /^(?:ajv\/dist\/runtime\/|fast-deep-equal$)/;

export const compiledValidator: Plugin = {
  name: 'compiled-validator',
  setup(build) {
    build.onLoad({ filter: /[/\\]config[/\\]schema-validator\.ts$/ }, () => {
      const ajv = createAjv({ source: true, esm: true });
      const contents = standaloneCode.default(ajv, ajv.compile(jsonSchema()));
      return { contents, loader: 'js' };
    });
    const ajv = createRequire(require.resolve('ajv'));
    build.onResolve({ filter: AJV_RUNTIME }, ({ path }) => ({ path: ajv.resolve(path) }));
  },
};
