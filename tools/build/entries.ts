// What has a file of its own in the built form: everything that is started by its name as a
// program or a thread, and what the package exports. The rest ends up in chunks.

/** Programs and threads, by their path in the repository. */
export const PROGRAMS: readonly string[] = [
  'cli/main.ts',
  'workers/lanes/lane-task.ts',
  'cli/dev/samples/http-service.ts',
  'cli/dev/samples/sofa-service.ts',
  'cli/dev/samples/decentralized-service.ts',
];

/** What package.json exports; these have declarations as well. */
export const EXPORTS: readonly string[] = ['workers/embedded.ts', 'core/pipeline/filter.ts'];

/** Plain JavaScript that is copied as it is. */
export const COPIES: readonly string[] = ['cli/mgw.js'];

/** Folder of the declarations, in the built form. */
export const TYPES_FOLDER = 'types';
