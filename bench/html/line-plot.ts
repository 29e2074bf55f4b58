// One plot of lines as inline SVG, with a title and a description for those who do not see it.
// Lines differ by colour and by dashes; each point tells its value when pointed at.

import { element, lines, type Markup } from './markup.ts';
import type { Scale } from './scale.ts';

/** LIMIT: lines of one plot; more cannot be told apart. The style sheet has this many. */
export const PLOT_LINES_MAX = 6;

/** One line of a plot. */
export interface PlotLine {
  readonly name: string;
  /** In the order of x. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** One axis of a plot. */
export interface PlotAxis {
  readonly label: string;
  readonly scale: Scale;
}

/** What a plot shows. */
export interface LinePlot {
  /** Unique in the page. */
  readonly id: string;
  readonly title: string;
  /** What it shows, in a sentence or two. */
  readonly description: string;
  readonly x: PlotAxis;
  readonly y: PlotAxis;
  readonly lines: readonly PlotLine[];
}

const WIDTH = 760;
const HEIGHT = 380;
const LEFT = 76;
const RIGHT = 740;
const TOP = 14;
const BOTTOM = 326;

/** The plot with its legend, as a figure. */
export function renderPlot(plot: LinePlot): Markup {
  const { id, title, description } = plot;
  const svg = element(
    'svg',
    {
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      role: 'img',
      'aria-labelledby': `${id}-title ${id}-text`,
    },
    lines(
      element('title', { id: `${id}-title` }, title),
      element('desc', { id: `${id}-text` }, description),
      ...axes(plot),
      ...plot.lines.map((line, index) => curve(plot, line, index)),
    ),
  );
  const entries = plot.lines.map(({ name }, index) => element('li', {}, swatch(index), name));
  const caption = element('figcaption', {}, element('strong', {}, title), ` ${description}`);
  return element('figure', {}, lines(caption, svg, element('ul', { class: 'legend' }, ...entries)));
}

function swatch(index: number): Markup {
  const line = element('line', { x1: 0, y1: 6, x2: 30, y2: 6, class: `line s${index}` });
  return element('svg', { viewBox: '0 0 30 12', class: 'swatch', 'aria-hidden': 'true' }, line);
}

function axes({ x, y }: LinePlot): Markup[] {
  const drawn: Markup[] = [];
  for (const { value, label } of x.scale.ticks) {
    const at = xOf(x.scale, value);
    drawn.push(element('line', { x1: at, y1: TOP, x2: at, y2: BOTTOM, class: 'grid' }));
    drawn.push(element('text', { x: at, y: BOTTOM + 18, class: 'x' }, label));
  }
  for (const { value, label } of y.scale.ticks) {
    const at = yOf(y.scale, value);
    drawn.push(element('line', { x1: LEFT, y1: at, x2: RIGHT, y2: at, class: 'grid' }));
    drawn.push(element('text', { x: LEFT - 8, y: at + 4, class: 'y' }, label));
  }
  const middle = (TOP + BOTTOM) / 2;
  const turn = `translate(14 ${middle}) rotate(-90)`;
  drawn.push(element('text', { x: (LEFT + RIGHT) / 2, y: HEIGHT - 10, class: 'x name' }, x.label));
  drawn.push(element('text', { transform: turn, class: 'x name' }, y.label));
  return drawn;
}

function curve({ x, y }: LinePlot, { name, points }: PlotLine, index: number): Markup {
  const places = points.map(([px, py]) => `${xOf(x.scale, px)} ${yOf(y.scale, py)}`);
  const dots = points.map(([px, py]) => {
    const label = `${name}: ${x.label} ${px}, ${y.label} ${py}`;
    const at = { cx: xOf(x.scale, px), cy: yOf(y.scale, py), r: 3 };
    return element('g', { class: 'dot' }, element('title', {}, label), element('circle', at));
  });
  const path = element('path', { d: `M${places.join(' L')}`, class: 'line' });
  return element('g', { class: `s${index}` }, path, ...dots);
}

function xOf(scale: Scale, value: number): number {
  return tenths(LEFT + scale.at(value) * (RIGHT - LEFT));
}

function yOf(scale: Scale, value: number): number {
  return tenths(BOTTOM - scale.at(value) * (BOTTOM - TOP));
}

/** A tenth of a unit is less than a pixel. */
function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}
