// Reads V8 CPU profiles (`--cpu-prof`) and tells where the time went: self time by function, idle
// time left out. Source: Chrome DevTools Protocol, type Profiler.Profile.

/** The parts of a profile that count here. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  /** Node of each sample. */
  readonly samples: readonly number[];
  /** Time between neighbouring samples, µs. */
  readonly timeDeltas: readonly number[];
  /** µs. */
  readonly startTime: number;
  readonly endTime: number;
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: {
    readonly functionName: string;
    readonly url: string;
    /** From 0; -1 for native code. */
    readonly lineNumber: number;
  };
}

/** Self time of one function. */
export interface HotFunction {
  readonly name: string;
  /** `core/gateway.ts:12`, or empty for what is no code of anybody's. */
  readonly place: string;
  readonly selfUs: number;
  /** Of all time that was not idle, 0..1. */
  readonly share: number;
}

const IDLE = '(idle)';

/**
 * Functions by self time, the hottest first.
 *
 * @param lastUs only samples this close to the end count: without start and warm-up
 * @param root prefix that is cut from file names
 */
export function hottestFunctions(profile: CpuProfile, lastUs: number, root: string): HotFunction[] {
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]));
  const times = new Map<string, { name: string; place: string; selfUs: number }>();
  let atUs = profile.startTime;
  let busyUs = 0;
  for (const [index, id] of profile.samples.entries()) {
    const deltaUs = Math.max(0, profile.timeDeltas[index] ?? 0);
    atUs += deltaUs;
    const frame = frames.get(id);
    if (frame === undefined || frame.functionName === IDLE) continue;
    if (atUs < profile.endTime - lastUs) continue;
    busyUs += deltaUs;
    const place = placeOf(frame, root);
    const key = `${frame.functionName} ${place}`;
    const entry = times.get(key);
    if (entry !== undefined) entry.selfUs += deltaUs;
    else times.set(key, { name: frame.functionName || '(anonymous)', place, selfUs: deltaUs });
  }
  return [...times.values()]
    .toSorted((a, b) => b.selfUs - a.selfUs)
    .map((entry) => ({ ...entry, share: entry.selfUs / busyUs }));
}

function placeOf({ url, lineNumber }: ProfileNode['callFrame'], root: string): string {
  if (url === '') return '';
  const file = url.startsWith(root) ? url.slice(root.length) : url;
  return `${file}:${lineNumber + 1}`;
}

/** A table of `functions`, one a line. */
export function formatFunctions(functions: readonly HotFunction[]): string {
  const lines = functions.map(({ name, place, share }) => {
    return `${(share * 100).toFixed(1).padStart(6)} %  ${name.padEnd(32)} ${place}`.trimEnd();
  });
  return `${lines.join('\n')}\n`;
}
