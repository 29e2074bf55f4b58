// Shows a load run: the line while it runs, the report at its end, the same as JSON.

import { ResultCode } from '#core/base/result-codes.ts';
import { meaningOf } from './answer-view.ts';
import type { LoadPlan, LoadTally } from './load-run.ts';
import { printable } from './terminal.ts';
import type { Paint } from './terminal.ts';
import { formatCount, formatMs } from './units.ts';

const BAR_CELLS = 24;
/** Percentiles of the report, with their names in JSON. */
const PERCENTILES = [
  [50, 'p50Us'],
  [90, 'p90Us'],
  [99, 'p99Us'],
  [99.9, 'p999Us'],
] as const;

/** `[=====>     ]  42%  4,200/10,000  8,130 req/s  2 failed`, the bar only where it can move. */
export function progressLine(tally: LoadTally, count: number, hasBar: boolean): string {
  const share = tally.finished / count;
  const filled = Math.floor(share * BAR_CELLS);
  const head = filled < BAR_CELLS ? '>' : '';
  const bar = `[${('='.repeat(filled) + head).padEnd(BAR_CELLS)}]  `;
  const percent = `${Math.floor(share * 100)}%`.padStart(4);
  const done = `${formatCount(tally.finished)}/${formatCount(count)}`;
  const failed = tally.failures === 0 ? '' : `  ${formatCount(tally.failures)} failed`;
  return `${hasBar ? bar : ''}${percent}  ${done}  ${formatCount(tally.rate)} req/s${failed}`;
}

/** The report for people, with a line feed at its end. */
export function loadReport(title: string, plan: LoadPlan, tally: LoadTally, paint: Paint): string {
  const { answers, seconds, codes, errors, maxUs } = tally;
  const row = (name: string, text: string) => `  ${paint('dim', name.padEnd(10))}${text}`;
  const lines = [
    paint('bold', title),
    row('answers', `${formatCount(answers)} in ${formatMs(seconds * 1000)}`),
    row('rate', `${formatCount(tally.rate)} req/s`),
  ];
  if (answers > 0) {
    const points = PERCENTILES.map(([percentile]) => {
      return `p${percentile} ${formatMs(tally.percentileUs(percentile) / 1000)}`;
    });
    lines.push(row('latency', [...points, `max ${formatMs(maxUs / 1000)}`].join('   ')));
  }
  lines.push('');
  for (const [code, count] of sorted(codes)) {
    const colour = code === ResultCode.success ? 'green' : 'red';
    const name = code === 0 ? 'no result code' : `${code} ${meaningOf(code)}`;
    lines.push(`  ${formatCount(count).padStart(12)}  ${paint(colour, name.trimEnd())}`);
  }
  for (const [reason, count] of sorted(errors)) {
    lines.push(`  ${formatCount(count).padStart(12)}  ${paint('red', printable(reason))}`);
  }
  const unsent = plan.count - tally.finished;
  if (unsent > 0) lines.push(`  ${formatCount(unsent).padStart(12)}  not sent`);
  return `${lines.join('\n')}\n`;
}

/** The report for programs, one line of JSON; latencies are null when nothing was answered. */
export function loadJson(
  operationType: string,
  label: string,
  plan: LoadPlan,
  tally: LoadTally,
): string {
  const { answers, failures, finished, codes, errors } = tally;
  const hasLatency = answers > 0;
  const latencies = PERCENTILES.map(([percentile, name]) => {
    return [name, hasLatency ? tally.percentileUs(percentile) : null] as const;
  });
  return JSON.stringify({
    operationType,
    target: label,
    ...plan,
    answers,
    failures,
    unsent: plan.count - finished,
    seconds: Math.round(tally.seconds * 1e6) / 1e6,
    qps: Math.round(tally.rate * 10) / 10,
    ...Object.fromEntries(latencies),
    maxUs: hasLatency ? tally.maxUs : null,
    resultCodes: Object.fromEntries(sorted(codes)),
    errors: Object.fromEntries(sorted(errors)),
  });
}

/** Most frequent first. */
function sorted<Key>(counts: ReadonlyMap<Key, number>): readonly (readonly [Key, number])[] {
  return [...counts].sort(([, a], [, b]) => b - a);
}
