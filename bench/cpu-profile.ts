// Reads V8 CPU profiles (`--cpu-prof`) and tells where the time went: self time by function, idle
// time left out, and by kind of code. Source: Chrome DevTools Protocol, type Profiler.Profile.

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
  /** `core/gateway.ts:12`, or what kind of code it is where it has no file. */
  readonly place: string;
  readonly selfUs: number;
  /** Of all time that was not idle, 0..1. */
  readonly share: number;
}

/** Self time of one kind of code. */
export interface ProfilePart {
  readonly name: string;
  readonly selfUs: number;
  /** Of all time that was not idle, 0..1. */
  readonly share: number;
}

/** Where the time went. */
export interface ProfileSummary {
  /** The thread had nothing to do, of the whole window, 0..1. */
  readonly idleShare: number;
  /** The largest first. */
  readonly parts: readonly ProfilePart[];
  /** The hottest first. */
  readonly functions: readonly HotFunction[];
}

const IDLE = '(idle)';

/** What V8 calls time that belongs to no function of JavaScript. */
const SPECIAL: Readonly<Record<string, string>> = {
  '(garbage collector)': 'garbage collector',
  '(program)': "Node's native code and the kernel",
  '(root)': "Node's native code and the kernel",
};

const BUILT_IN = 'native functions called from JavaScript';

/**
 * Adds up self time.
 *
 * @param lastUs only samples this close to the end count: without start and warm-up
 * @param root prefix that is cut from file names
 */
export function summarizeProfile(
  profile: CpuProfile,
  lastUs: number,
  root: string,
): ProfileSummary {
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]));
  const functions = new Map<string, { name: string; place: string; selfUs: number }>();
  const parts = new Map<string, number>();
  let atUs = profile.startTime;
  let busyUs = 0;
  let idleUs = 0;
  for (const [index, id] of profile.samples.entries()) {
    const deltaUs = Math.max(0, profile.timeDeltas[index] ?? 0);
    atUs += deltaUs;
    const frame = frames.get(id);
    if (frame === undefined || atUs < profile.endTime - lastUs) continue;
    if (frame.functionName === IDLE) {
      idleUs += deltaUs;
      continue;
    }
    busyUs += deltaUs;
    const part = partOf(frame, root);
    parts.set(part, (parts.get(part) ?? 0) + deltaUs);
    const place = frame.url === '' ? part : placeOf(frame, root);
    const key = `${frame.functionName} ${place}`;
    const entry = functions.get(key);
    if (entry !== undefined) entry.selfUs += deltaUs;
    else functions.set(key, { name: frame.functionName || '(anonymous)', place, selfUs: deltaUs });
  }
  const shared = <T extends { readonly selfUs: number }>(entry: T) => ({
    ...entry,
    share: entry.selfUs / busyUs,
  });
  const named = [...parts].map(([name, selfUs]) => ({ name, selfUs }));
  const wholeUs = busyUs + idleUs;
  return {
    idleShare: wholeUs === 0 ? 0 : idleUs / wholeUs,
    parts: named.toSorted((a, b) => b.selfUs - a.selfUs).map(shared),
    functions: [...functions.values()].toSorted((a, b) => b.selfUs - a.selfUs).map(shared),
  };
}

function partOf({ functionName, url }: ProfileNode['callFrame'], root: string): string {
  if (url === '') return SPECIAL[functionName] ?? BUILT_IN;
  if (url.startsWith('node:')) return "Node's JavaScript";
  const isOwn = url.startsWith(root) && !url.slice(root.length).startsWith('node_modules/');
  return isOwn ? 'gateway' : 'packages';
}

function placeOf({ url, lineNumber }: ProfileNode['callFrame'], root: string): string {
  const file = url.startsWith(root) ? url.slice(root.length) : url;
  return `${file}:${lineNumber + 1}`;
}

/** Parts and the `most` hottest functions, one a line. */
export function formatProfile(
  { idleShare, parts, functions }: ProfileSummary,
  most: number,
): string {
  const lines = [
    `idle ${percent(idleShare)} of the window; of the rest by kind of code:`,
    ...parts.map(({ name, share }) => `${percent(share).padStart(9)}  ${name}`),
    'by function, self time:',
    ...functions.slice(0, most).map(({ name, place, share }) => {
      return `${percent(share).padStart(9)}  ${name.padEnd(32)} ${place}`.trimEnd();
    }),
  ];
  return `${lines.join('\n')}\n`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
