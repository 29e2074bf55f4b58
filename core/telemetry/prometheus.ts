// Text exposition format 0.0.4 of Prometheus: families with HELP and TYPE, then their samples in
// the order in which they were given. Names and labels come from tables in this code base, so a
// wrong one is a broken invariant; label values may be anything.
// Source: https://prometheus.io/docs/instrumenting/exposition_formats/

import assert from 'node:assert/strict';
import { EXPORT_BOUNDS_US, type LatencyHistogram } from './histogram.ts';

/** Media type of the text. */
export const METRICS_MEDIA_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** One metric as operators know it. */
export interface MetricFamily {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** One sentence without a full stop; names the unit when the name does not. */
  readonly help: string;
  /** Label names in the order in which samples give them. */
  readonly labels: readonly string[];
}

/** A room that exposes metrics. */
export interface MetricSource {
  readonly families: readonly MetricFamily[];
  /** Appends every family with its samples. */
  writeMetrics(text: MetricsText): void;
}

/** Renders all sources, in the given order. Families must be distinct across sources. */
export function renderMetrics(sources: readonly MetricSource[]): string {
  const text = new MetricsText();
  for (const source of sources) source.writeMetrics(text);
  return text.toString();
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** Bounds in seconds, as label text. */
const BOUND_TEXTS = EXPORT_BOUNDS_US.map((us) => String(us / 1e6));

/** Builds one exposition. */
export class MetricsText {
  #text = '';
  #family: MetricFamily | null = null;
  readonly #seen = new Set<string>();
  readonly #cumulative = new Float64Array(EXPORT_BOUNDS_US.length);

  /** Opens a family; the samples that follow belong to it. */
  family(family: MetricFamily): void {
    assert(NAME.test(family.name), `metric name ${family.name}`);
    assert(family.labels.every((label) => LABEL_NAME.test(label) && label !== 'le'));
    assert(!this.#seen.has(family.name), `metric ${family.name} was exposed before`);
    this.#seen.add(family.name);
    this.#family = family;
    this.#text += `# HELP ${family.name} ${escapeHelp(family.help)}\n`;
    this.#text += `# TYPE ${family.name} ${family.type}\n`;
  }

  /** Adds a sample of the open family. @param labels from {@link labelText} */
  sample(labels: string, value: number): void {
    assert(this.#family !== null && this.#family.type !== 'histogram');
    const suffix = labels === '' ? '' : `{${labels}}`;
    this.#text += `${this.#family.name}${suffix} ${numberText(value)}\n`;
  }

  /** Adds a histogram, in seconds, to the open family. @param labels from {@link labelText} */
  histogram(labels: string, histogram: LatencyHistogram): void {
    assert(this.#family !== null && this.#family.type === 'histogram');
    const name = this.#family.name;
    const head = `${name}_bucket{${labels === '' ? '' : `${labels},`}le="`;
    const counts = this.#cumulative;
    histogram.cumulative(counts);
    let text = '';
    for (let i = 0; i < counts.length; i++) text += `${head}${BOUND_TEXTS[i]}"} ${counts[i]}\n`;
    text += `${head}+Inf"} ${histogram.count}\n`;
    const suffix = labels === '' ? '' : `{${labels}}`;
    text += `${name}_sum${suffix} ${numberText(histogram.sumUs / 1e6)}\n`;
    text += `${name}_count${suffix} ${histogram.count}\n`;
    this.#text += text;
  }

  toString(): string {
    return this.#text;
  }
}

/** `name="value"` pairs with escaped values, for {@link MetricsText}. */
export function labelText(names: readonly string[], values: readonly string[]): string {
  assert.equal(names.length, values.length);
  let text = '';
  for (let i = 0; i < names.length; i++) {
    text += `${i === 0 ? '' : ','}${names[i]}="${escapeLabel(values[i]!)}"`;
  }
  return text;
}

function escapeLabel(value: string): string {
  if (!/["\\\n]/.test(value)) return value;
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function escapeHelp(help: string): string {
  return help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function numberText(value: number): string {
  if (value === Infinity) return '+Inf';
  if (value === -Infinity) return '-Inf';
  return String(value);
}
