// A strict reader of the text exposition format: what a scraper would only warn about is an error
// here. Knows what the project uses: counters, gauges, histograms, no timestamps.

import assert from 'node:assert/strict';

export interface Sample {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: Sample[];
}

const VALUE = /^(?:[+-]?(?:\d+(?:\.\d+)?|\.\d+)(?:e[+-]?\d+)?|[+-]Inf|NaN)$/;

/** Parses a whole exposition and checks its structure. */
export function parseExposition(text: string): Map<string, Family> {
  assert(text === '' || text.endsWith('\n'), 'the last line ends with a line feed');
  const families = new Map<string, Family>();
  const seen = new Set<string>();
  let help = null as { name: string; text: string } | null;
  let family = null as Family | null;
  for (const line of text.split('\n').slice(0, -1)) {
    const comment = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/s.exec(line);
    if (comment?.[1] === 'HELP') {
      assert(help === null, `HELP without TYPE before ${line}`);
      help = { name: comment[2]!, text: unescape(comment[3]!, false) };
    } else if (comment?.[1] === 'TYPE') {
      assert.equal(help?.name, comment[2], 'TYPE follows its HELP');
      assert.match(comment[3]!, /^(counter|gauge|histogram)$/);
      assert(!families.has(comment[2]!), `${comment[2]} appears twice`);
      family = { name: comment[2]!, type: comment[3]!, help: help!.text, samples: [] };
      families.set(family.name, family);
      help = null;
    } else {
      assert(family !== null && help === null, `sample outside a family: ${line}`);
      const sample = parseSample(line);
      assert(belongs(sample.name, family), `${sample.name} is not of ${family.name}`);
      const key = line.slice(0, line.lastIndexOf(' '));
      assert(!seen.has(key), `series ${key} appears twice`);
      seen.add(key);
      family.samples.push(sample);
    }
  }
  assert(help === null);
  for (const each of families.values()) checkFamily(each);
  return families;
}

/** The value of one series of a family. */
export function valueOf(
  families: ReadonlyMap<string, Family>,
  name: string,
  labels: Record<string, string> = {},
): number | undefined {
  const wanted = Object.entries(labels);
  for (const family of families.values()) {
    for (const sample of family.samples) {
      if (sample.name !== name || sample.labels.size !== wanted.length) continue;
      if (wanted.every(([label, value]) => sample.labels.get(label) === value)) {
        return sample.value;
      }
    }
  }
  return undefined;
}

function belongs(name: string, family: Family): boolean {
  if (family.type !== 'histogram') return name === family.name;
  return ['_bucket', '_sum', '_count'].some((suffix) => name === family.name + suffix);
}

function parseSample(line: string): Sample {
  const name = /^[a-zA-Z_:][a-zA-Z0-9_:]*/.exec(line)?.[0];
  assert(name !== undefined, `no metric name: ${line}`);
  const labels = new Map<string, string>();
  let at = name.length;
  if (line[at] === '{') {
    at++;
    while (line[at] !== '}') {
      const pair = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"/.exec(line.slice(at));
      assert(pair !== null, `bad label: ${line}`);
      assert(!labels.has(pair[1]!), `label twice: ${line}`);
      labels.set(pair[1]!, unescape(pair[2]!, true));
      at += pair[0].length;
      if (line[at] === ',') at++;
      else assert.equal(line[at], '}', `bad label list: ${line}`);
    }
    at++;
  }
  assert.equal(line[at], ' ', `no blank before the value: ${line}`);
  const value = line.slice(at + 1);
  assert.match(value, VALUE, `bad value: ${line}`);
  return { name, labels, value: Number(value.replace('Inf', 'Infinity')) };
}

function unescape(text: string, isLabel: boolean): string {
  return text.replace(/\\(.)/g, (whole, char: string) => {
    if (char === 'n') return '\n';
    if (char === '\\' || (isLabel && char === '"')) return char;
    throw new Error(`bad escape ${whole}`);
  });
}

function checkFamily(family: Family): void {
  assert(family.help !== '', `${family.name} has no help`);
  if (family.type === 'counter') {
    assert(family.name.endsWith('_total'), `counter ${family.name} ends in _total`);
    for (const { value } of family.samples) assert(value >= 0);
  }
  if (family.type === 'histogram') checkHistogram(family);
}

/** Buckets rise, in bounds and counts, end with +Inf, and agree with _count. */
function checkHistogram(family: Family): void {
  const groups = new Map<string, Sample[]>();
  for (const sample of family.samples) {
    const own = [...sample.labels].filter(([label]) => label !== 'le');
    const key = JSON.stringify(own);
    groups.set(key, [...(groups.get(key) ?? []), sample]);
  }
  for (const samples of groups.values()) {
    const buckets = samples.filter(({ name }) => name.endsWith('_bucket'));
    let bound = -Infinity;
    let count = 0;
    for (const { labels, value } of buckets) {
      const next = Number(labels.get('le')!.replace('Inf', 'Infinity'));
      assert(next > bound, `${family.name}: bounds rise`);
      assert(value >= count, `${family.name}: counts rise`);
      bound = next;
      count = value;
    }
    assert.equal(bound, Infinity, `${family.name}: the last bucket is +Inf`);
    const total = samples.find(({ name }) => name.endsWith('_count'));
    assert.equal(total?.value, count, `${family.name}: _count is the last bucket`);
    assert(samples.some(({ name }) => name.endsWith('_sum')));
  }
}
