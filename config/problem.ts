// What is wrong with a configuration or a command line, in a form that people and programs can use.
// Nothing here throws: every checker collects problems so that all of them show at once.

/** One thing that must be corrected. */
export interface Problem {
  /** Place in the configuration (`apis[2].group`), or the flag or variable concerned. */
  readonly path: string;
  /** What failed, the value, what to do. */
  readonly message: string;
  /** File, flag or environment variable that the value comes from. */
  readonly where?: string;
  /** Line in that file, from 1. */
  readonly line?: number;
}

/** LIMIT: a broken generated file must not answer with megabytes. */
export const PROBLEMS_MAX = 200;

/** One line for a terminal: `gateway.yaml:12: apis[2].group: ...`. */
export function formatProblem(problem: Problem): string {
  const { path, message, where, line } = problem;
  let place = '';
  if (where !== undefined && where !== path) {
    place = line === undefined ? `${where}: ` : `${where}:${line}: `;
  }
  return path === '' ? `${place}${message}` : `${place}${path}: ${message}`;
}

/** Cuts a list of problems to {@link PROBLEMS_MAX} and says how many were left out. */
export function limitProblems(problems: readonly Problem[]): readonly Problem[] {
  if (problems.length <= PROBLEMS_MAX) return problems;
  const rest = problems.length - PROBLEMS_MAX;
  const note = { path: '', message: `${rest} more problems are not shown` };
  return [...problems.slice(0, PROBLEMS_MAX), note];
}
