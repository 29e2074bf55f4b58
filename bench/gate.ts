// What a run must reach: `--require NAME>=VALUE` for a ratio of the report. A ratio that was not
// measured is not reached. For CI; a floor with room for noise, not the target.

import type { SuiteResult } from './report.ts';

/** One thing to reach. */
export interface Requirement {
  readonly ratio: string;
  readonly comparison: '>=' | '<=';
  readonly value: number;
}

const FORM = /^(.+?)\s*(>=|<=)\s*(\d+(?:\.\d+)?)$/;

/** Parses `NAME>=VALUE` or `NAME<=VALUE`; null when it is neither. */
export function parseRequirement(text: string): Requirement | null {
  const [, ratio, comparison, value] = FORM.exec(text) ?? [];
  if (ratio === undefined || value === undefined) return null;
  return { ratio, comparison: comparison === '<=' ? '<=' : '>=', value: Number(value) };
}

/** A sentence for each requirement that `ratios` do not reach. */
export function missedRequirements(
  requirements: readonly Requirement[],
  ratios: SuiteResult['ratios'],
): readonly string[] {
  return requirements.flatMap(({ ratio, comparison, value }) => {
    const measured = ratios[ratio];
    const wanted = `${ratio} must be ${comparison} ${value}`;
    if (measured === undefined) return [`${wanted} and was not measured`];
    const isReached = comparison === '>=' ? measured >= value : measured <= value;
    return isReached ? [] : [`${wanted} and is ${measured}`];
  });
}
