// SPDX-License-Identifier: Apache-2.0
// Two recordings side by side. Of every pair the first is the one compared with, the second the other.
import {
  collectStacks,
  eventsWithStacks,
  eventTypesOf,
  type Recording,
  type StackProfile,
  weightsOfStacks,
} from '@rekindle/jfr';

export type Pair = readonly [number, number];

export interface EventDifference {
  readonly name: string;
  readonly count: Pair;
  readonly bytes: Pair;
}

/** Nanoseconds; 0 where there are no events. */
export interface DurationDifference {
  readonly name: string;
  readonly count: Pair;
  readonly total: Pair;
  readonly mean: Pair;
  readonly p99: Pair;
  readonly max: Pair;
}

export interface MethodDifference {
  readonly method: string;
  /** Events whose innermost frame it is. */
  readonly samples: Pair;
  /** Of all events with a stack, 0 to 1. */
  readonly share: Pair;
}

export interface Comparison {
  readonly durationNanos: Pair;
  /** All types that one of them has events of, those that changed most first. */
  readonly events: readonly EventDifference[];
  /** Types with a duration, those with the largest change of the total first. */
  readonly durations: readonly DurationDifference[];
  /** Event type of `methods`; undefined where not both have one with stacks. */
  readonly stacksOf: string | undefined;
  readonly methods: readonly MethodDifference[];
}

type Recordings = readonly [Recording, Recording];

/** Throws JFR_UNKNOWN_NAME for an event type without stacks in either. */
export async function compareRecordings(
  recordings: Recordings,
  event?: string,
): Promise<Comparison> {
  const events = await differencesOfEvents(recordings);
  const stacks = event ?? (await commonStacks(recordings));
  return {
    durationNanos: both(recordings, ({ durationNanos }) => Number(durationNanos)),
    events,
    durations: await differencesOfDurations(recordings, events),
    stacksOf: stacks,
    methods: stacks === undefined ? [] : await differencesOfMethods(recordings, stacks),
  };
}

function both<T, R>(pair: readonly [T, T], get: (item: T) => R): [R, R] {
  return [get(pair[0]), get(pair[1])];
}

async function bothLater<T, R>(
  pair: readonly [T, T],
  get: (item: T) => Promise<R>,
): Promise<[R, R]> {
  return [await get(pair[0]), await get(pair[1])];
}

const change = ([before, after]: Pair): number => Math.abs(after - before);

async function differencesOfEvents(recordings: Recordings): Promise<EventDifference[]> {
  const summaries = await bothLater(recordings, (recording) => recording.summary());
  const counts = both(
    summaries,
    ({ events }) => new Map(events.map(({ name, count, bytes }) => [name, { count, bytes }])),
  );
  const names = new Set([...counts[0].keys(), ...counts[1].keys()]);
  return [...names]
    .map((name) => ({
      name,
      count: both(counts, (map) => map.get(name)?.count ?? 0),
      bytes: both(counts, (map) => map.get(name)?.bytes ?? 0),
    }))
    .filter(({ count: [before, after] }) => before > 0 || after > 0)
    .sort((a, b) => change(b.count) - change(a.count) || (a.name < b.name ? -1 : 1));
}

async function differencesOfDurations(
  recordings: Recordings,
  events: readonly EventDifference[],
): Promise<DurationDifference[]> {
  const differences: DurationDifference[] = [];
  const withDurations = await bothLater(recordings, typesWithDuration);
  for (const { name, count } of events) {
    if (!withDurations.some((names) => names.has(name))) continue;
    const spans = await bothLater([0, 1] as const, async (side) =>
      withDurations[side].has(name) ? await durationsOf(recordings[side], name) : NONE,
    );
    if (spans.every(({ length }) => length === 0)) continue;
    const total = both(spans, (sorted) => sorted.reduce((sum, span) => sum + span, 0));
    differences.push({
      name,
      count,
      total,
      mean: both([0, 1] as const, (side) => total[side] / (spans[side].length || 1)),
      p99: both(spans, (sorted) => sorted[Math.ceil(sorted.length * 0.99) - 1] ?? 0),
      max: both(spans, (sorted) => sorted.at(-1) ?? 0),
    });
  }
  return differences.sort((a, b) => change(b.total) - change(a.total));
}

async function typesWithDuration(recording: Recording): Promise<Set<string>> {
  const types = [...(await eventTypesOf(recording)).values()];
  return new Set(
    types
      .filter(({ fields }) => fields.some((field) => field.name === 'duration'))
      .map(({ name }) => name),
  );
}

const NONE: Float64Array = new Float64Array(0);

/** Ascending. */
async function durationsOf(recording: Recording, event: string): Promise<Float64Array> {
  const columns = await recording.columns(event, ['duration']);
  if (columns.length === 0) return NONE;
  return Float64Array.from(columns.bigints('duration'), Number).sort();
}

async function commonStacks(recordings: Recordings): Promise<string | undefined> {
  const names = await bothLater(recordings, async (recording) =>
    (await eventsWithStacks(recording)).map(({ name }) => name),
  );
  const common = names[0].filter((name) => names[1].includes(name));
  return common.find((name) => name === 'jdk.ExecutionSample') ?? common[0];
}

async function differencesOfMethods(
  recordings: Recordings,
  event: string,
): Promise<MethodDifference[]> {
  const samples = await bothLater(recordings, async (recording) =>
    topMethods(await collectStacks(recording, { event })),
  );
  const totals = both(samples, (map) => [...map.values()].reduce((a, b) => a + b, 0));
  const methods = new Set([...samples[0].keys(), ...samples[1].keys()]);
  return [...methods]
    .map((method) => {
      const counts = both(samples, (map) => map.get(method) ?? 0);
      return {
        method,
        samples: counts,
        share: both([0, 1] as const, (side) => counts[side] / (totals[side] || 1)),
      };
    })
    .sort((a, b) => change(b.share) - change(a.share) || (a.method < b.method ? -1 : 1));
}

function topMethods(profile: StackProfile): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [index, sum] of weightsOfStacks(profile).entries()) {
    const name = profile.frames[profile.stacks[index]!.at(-1)!]!.name;
    counts.set(name, (counts.get(name) ?? 0) + sum);
  }
  return counts;
}
