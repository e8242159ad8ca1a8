// SPDX-License-Identifier: Apache-2.0
// The Firefox Profiler's processed profile: samples of one event type as stacks, all other events with
// a duration as markers. Version 55 of the format; profiler.firefox.com upgrades what it opens.
import type { Recording } from '../recording.ts';
import type { ClassType } from '../type-model.ts';
import type { StackProfile } from './stacks.ts';
import { type Mark, markedTypes, Tracks } from './tracks.ts';

const VERSION = 55;
const CATEGORIES = [
  { name: 'Other', color: 'grey', subcategories: ['Other'] },
  { name: 'Java', color: 'green', subcategories: ['Other'] },
  { name: 'Native', color: 'blue', subcategories: ['Other'] },
  { name: 'Event', color: 'orange', subcategories: ['Other'] },
];
const EVENT = 3;

interface Marker extends Mark {
  readonly label: string;
}

interface ThreadParts {
  readonly name: string;
  readonly id: number;
  /** Rows of the profile, in order of time. */
  readonly rows: readonly number[];
  readonly markers: readonly Marker[];
}

/**
 * The profile as an object for JSON. `profile` may be undefined where the recording has no stacks;
 * `select` says which event types become markers, of those with a duration.
 */
export async function firefoxProfile(
  recording: Recording,
  profile: StackProfile | undefined,
  select: (type: ClassType) => boolean = () => true,
): Promise<object> {
  const threads = await threadsOf(recording, profile, select);
  return {
    meta: {
      categories: CATEGORIES,
      debug: false,
      extensions: { baseURL: [], id: [], length: 0, name: [] },
      interval: intervalMillis(profile),
      preprocessedProfileVersion: VERSION,
      processType: 0,
      product: 'Java',
      sampleUnits: { time: 'ms', eventDelay: 'ms', threadCPUDelta: 'ns' },
      startTime: Number(recording.startNanos / 1000n) / 1000,
      symbolicated: true,
      pausedRanges: [],
      version: 24,
      usesOnlyOneStackType: true,
      doesNotUseFrameImplementation: true,
      sourceCodeIsNotOnSearchfox: true,
      markerSchema: [
        {
          name: 'Event',
          display: ['marker-chart', 'marker-table', 'timeline-overview'],
          chartLabel: '{marker.name}',
          tooltipLabel: '{marker.name}',
          tableLabel: '{marker.data.fields}',
          fields: [{ key: 'fields', label: 'Fields', format: 'string', searchable: true }],
        },
      ],
    },
    libs: [],
    pages: [],
    counters: [],
    profilerOverhead: [],
    threads: threads.map((parts, index) => threadJson(parts, profile, index === 0)),
  };
}

async function threadsOf(
  recording: Recording,
  profile: StackProfile | undefined,
  select: (type: ClassType) => boolean,
): Promise<ThreadParts[]> {
  const byKey = new Map<string, { name: string; id: number; rows: number[]; markers: Marker[] }>();
  const tracks = new Tracks();
  const marked = (type: ClassType): boolean =>
    type.name !== profile?.event &&
    type.fields.some(({ name }) => name === 'duration') &&
    select(type);
  for await (const { type, marks } of markedTypes(recording, tracks, marked)) {
    for (const mark of marks) {
      let parts = byKey.get(mark.track);
      if (parts === undefined) {
        const { name, id } = tracks.all.find(({ key }) => key === mark.track)!;
        parts = { name, id, rows: [], markers: [] };
        byKey.set(mark.track, parts);
      }
      parts.markers.push({ ...mark, label: type.label ?? type.name });
    }
  }
  if (profile !== undefined) {
    const keys = profile.threads.map(({ name, id }) => (id > 0 ? `t${id} ${name}` : `v${name}`));
    for (let row = 0; row < profile.stack.length; row++) {
      const index = profile.thread[row]!;
      let parts = byKey.get(keys[index]!);
      if (parts === undefined) {
        const { name, id } = profile.threads[index]!;
        parts = { name: name || profile.event, id: id || index + 1, rows: [], markers: [] };
        byKey.set(keys[index]!, parts);
      }
      parts.rows.push(row);
    }
    const { nanos } = profile;
    for (const { rows } of byKey.values()) rows.sort((a, b) => nanos[a]! - nanos[b]!);
  }
  for (const { markers } of byKey.values()) markers.sort((a, b) => a.start - b.start);
  return [...byKey.values()].sort((a, b) => b.rows.length - a.rows.length);
}

/** The usual distance of two samples of a thread; 1 where there are none. */
function intervalMillis(profile: StackProfile | undefined): number {
  if (profile === undefined) return 1;
  const last = new Map<number, number>();
  const gaps: number[] = [];
  for (let row = 0; row < profile.nanos.length; row++) {
    const thread = profile.thread[row]!;
    const before = last.get(thread);
    if (before !== undefined) gaps.push(Math.abs(profile.nanos[row]! - before));
    last.set(thread, profile.nanos[row]!);
  }
  gaps.sort((a, b) => a - b);
  return (gaps[gaps.length >> 1] ?? 1e6) / 1e6 || 1;
}

class Strings {
  readonly all: string[] = [];
  readonly #known: Map<string, number> = new Map();

  index(text: string): number {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const index = this.all.push(text) - 1;
    this.#known.set(text, index);
    return index;
  }
}

function threadJson(
  { name, id, rows, markers }: ThreadParts,
  profile: StackProfile | undefined,
  isMainThread: boolean,
): object {
  const strings = new Strings();
  const tables = profile && stackTables(profile, rows, strings);
  return {
    name,
    isMainThread,
    pid: '1',
    tid: String(id),
    processName: 'recording',
    processType: 'default',
    processStartupTime: 0,
    processShutdownTime: null,
    registerTime: 0,
    unregisterTime: null,
    pausedRanges: [],
    showMarkersInTimeline: markers.length > 0,
    ...(tables ?? emptyTables()),
    markers: {
      length: markers.length,
      category: markers.map(() => EVENT),
      data: markers.map(({ arguments: args }) => ({
        type: 'Event',
        fields: Object.entries(args)
          .map(([key, value]) => `${key} = ${value}`)
          .join(', '),
      })),
      name: markers.map(({ label }) => strings.index(label)),
      startTime: markers.map(({ start }) => start / 1e6),
      endTime: markers.map(({ start, duration = 0 }) => (start + duration) / 1e6),
      // 1: an interval
      phase: markers.map(() => 1),
    },
    nativeSymbols: { length: 0, address: [], functionSize: [], libIndex: [], name: [] },
    resourceTable: { length: 0, lib: [], name: [], host: [], type: [] },
    stringArray: strings.all,
  };
}

function emptyTables(): object {
  return tablesJson([], [], [], { stack: [], nanos: [], weight: [], weightType: 'samples' });
}

interface FuncRow {
  readonly name: number;
}

interface FrameRow {
  readonly func: number;
  readonly line: number | null;
  readonly category: number;
}

interface StackRow {
  readonly prefix: number | null;
  readonly frame: number;
}

interface Samples {
  readonly stack: readonly number[];
  readonly nanos: readonly number[];
  readonly weight: readonly number[];
  readonly weightType: string;
}

/** The tables of one thread: only the frames and stacks that it uses. */
function stackTables(profile: StackProfile, rows: readonly number[], strings: Strings): object {
  const funcs: FuncRow[] = [];
  const funcOf = new Map<string, number>();
  const frames: FrameRow[] = [];
  const frameOf = new Map<number, number>();
  const stacks: StackRow[] = [];
  const stackOf = new Map<string, number>();
  const frameIndex = (frame: number): number => {
    const known = frameOf.get(frame);
    if (known !== undefined) return known;
    const { name, line, kind } = profile.frames[frame]!;
    let func = funcOf.get(name);
    if (func === undefined) {
      func = funcs.push({ name: strings.index(name) }) - 1;
      funcOf.set(name, func);
    }
    const index = frames.push({ func, line, category: categoryOf(kind) }) - 1;
    frameOf.set(frame, index);
    return index;
  };
  const tops = new Map<number, number>();
  const topOf = (stack: number): number => {
    const known = tops.get(stack);
    if (known !== undefined) return known;
    let prefix: number | null = null;
    for (const part of profile.stacks[stack]!) {
      const frame = frameIndex(part);
      const key = `${prefix} ${frame}`;
      let index = stackOf.get(key);
      if (index === undefined) {
        index = stacks.push({ prefix, frame }) - 1;
        stackOf.set(key, index);
      }
      prefix = index;
    }
    tops.set(stack, prefix!);
    return prefix!;
  };
  return tablesJson(funcs, frames, stacks, {
    stack: rows.map((row) => topOf(profile.stack[row]!)),
    nanos: rows.map((row) => profile.nanos[row]!),
    weight: rows.map((row) => profile.weight[row]!),
    weightType: weightType(profile),
  });
}

function categoryOf(kind: string): number {
  if (kind === '') return 0;
  return /native|kernel|c\+\+/i.test(kind) ? 2 : 1;
}

function weightType({ unit, weightName }: StackProfile): string {
  if (weightName === 'samples') return 'samples';
  return unit === 'bytes' ? 'bytes' : unit === 'nanoseconds' ? 'tracing-ms' : 'samples';
}

function tablesJson(
  funcs: readonly FuncRow[],
  frames: readonly FrameRow[],
  stacks: readonly StackRow[],
  samples: Samples,
): object {
  const each = <T>(list: readonly unknown[], value: T): T[] => list.map(() => value);
  // the weight of a trace is milliseconds there
  const scale = samples.weightType === 'tracing-ms' ? 1e-6 : 1;
  return {
    funcTable: {
      length: funcs.length,
      name: funcs.map(({ name }) => name),
      isJS: each(funcs, false),
      relevantForJS: each(funcs, false),
      resource: each(funcs, -1),
      fileName: each(funcs, null),
      lineNumber: each(funcs, null),
      columnNumber: each(funcs, null),
    },
    frameTable: {
      length: frames.length,
      address: each(frames, -1),
      inlineDepth: each(frames, 0),
      category: frames.map(({ category }) => category),
      subcategory: each(frames, 0),
      func: frames.map(({ func }) => func),
      nativeSymbol: each(frames, null),
      innerWindowID: each(frames, 0),
      line: frames.map(({ line }) => line),
      column: each(frames, null),
    },
    stackTable: {
      length: stacks.length,
      prefix: stacks.map(({ prefix }) => prefix),
      frame: stacks.map(({ frame }) => frame),
    },
    samples: {
      length: samples.stack.length,
      stack: samples.stack,
      time: samples.nanos.map((nanos) => nanos / 1e6),
      weight: samples.weight.map((weight) => weight * scale),
      weightType: samples.weightType,
    },
  };
}
