// SPDX-License-Identifier: Apache-2.0
// A guest's memory as events, so that a recording explains itself: whose page every fault in it was.
// Runs and pooled strings keep it small: about a hundredth of the text it came from.
import {
  GuestMapping,
  GuestPages,
  GuestProcess,
  JvmMethod,
  JvmRegion,
  PageOwner,
} from '@rekindle/events';
import {
  type EventDeclaration,
  type EventValue,
  type RecordedEvent,
  type RecordingSink,
  RecordingWriter,
} from '@rekindle/jfr';
import { eachFrameRun, PAGE_BYTES } from './frames.ts';
import type { GuestMemory } from './guest-memory.ts';

/** The event types of a capture. */
export const CAPTURE_EVENTS: readonly EventDeclaration[] = [
  GuestProcess,
  GuestMapping,
  GuestPages,
  PageOwner,
  JvmRegion,
  JvmMethod,
];

export interface CaptureTime {
  /** Nanosecond ticks of CLOCK_MONOTONIC at which the guest was looked at. */
  readonly ticks: number | bigint;
}

/** The events of a capture by their fields' names, for a recording that is being written elsewhere. */
export function* captureEvents(memory: GuestMemory, time: CaptureTime): Generator<RecordedEvent> {
  for (const [event, ...values] of rows(memory)) {
    const named: Record<string, EventValue> = { startTime: time.ticks };
    event.fields.forEach(({ name }, index) => {
      named[name] = values[index];
    });
    yield { event, values: named };
  }
}

export interface WriteCaptureOptions extends Partial<CaptureTime> {
  /** Wall clock at `ticks`, nanoseconds since 1970. Default: now. */
  readonly startNanos?: bigint;
}

/**
 * Writes a recording of one chunk that holds the capture and nothing else. Without `ticks` the chunk's
 * own clock begins with it, which takes a fifth off the size.
 */
export function writeCapture(
  sink: RecordingSink,
  memory: GuestMemory,
  options: WriteCaptureOptions = {},
): void {
  const ticks = options.ticks ?? 0;
  const writer = new RecordingWriter(sink, {
    declarations: CAPTURE_EVENTS,
    startTicks: ticks,
    ...(options.startNanos === undefined ? {} : { startNanos: options.startNanos }),
    // Keys of pooled strings are those of one chunk.
    maxChunkBytes: Number.POSITIVE_INFINITY,
  });
  const handles = new Map(CAPTURE_EVENTS.map((event) => [event, writer.event(event)]));
  for (const [event, ...values] of rows(memory)) {
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      const pooled = event.fields[i]!.type === 'java.lang.String' && value !== '';
      if (pooled) values[i] = writer.pools.string(value as string);
    }
    writer.write(handles.get(event)!, ticks, ...values);
  }
  writer.finish();
}

type Row = [event: EventDeclaration, ...values: EventValue[]];

/** The values of each event in the order of its fields. */
function* rows(memory: GuestMemory): Generator<Row> {
  const { processes, mappings, runs, frames } = memory;
  const pidOf = (process: number) => processes[process]!.pid;
  for (const { pid, name, executable } of processes) yield [GuestProcess, pid, name, executable];
  for (let i = 0; i < mappings.length; i++) {
    yield [
      GuestMapping,
      pidOf(mappings.process[i]!),
      long(mappings.start[i]!),
      long(mappings.end[i]!),
      mappings.names[mappings.name[i]!]!,
      mappings.resident[i]! * PAGE_BYTES,
    ];
  }
  for (let i = 0; i < runs.length; i++) {
    const virtual = long(runs.virtual[i]!);
    const pid = pidOf(runs.process[i]!);
    yield [GuestPages, pid, virtual, runs.guestPhysical[i]!, runs.pages[i]!, runs.flags[i]!];
  }
  const owners: Row[] = [];
  eachFrameRun(frames, (frame, pages, kind, name) => {
    owners.push([PageOwner, frame * PAGE_BYTES, pages, kind, name]);
  });
  yield* owners;
  yield* memoryEnd(memory);
  yield* jvmRows(memory);
}

/** Where nothing is known of the last frames, a run of no kind says how far the memory reaches. */
function* memoryEnd({ frames }: GuestMemory): Generator<Row> {
  let known = frames.count;
  while (known > 0 && frames.kind[known - 1] === 0) known--;
  if (known < frames.count) {
    yield [PageOwner, known * PAGE_BYTES, frames.count - known, null, ''];
  }
}

function* jvmRows({ jvms }: GuestMemory): Generator<Row> {
  for (const { pid, regions, methods } of jvms) {
    for (let i = 0; i < regions.length; i++) {
      const parent = regions.parent[i]!;
      yield [
        JvmRegion,
        pid,
        long(regions.start[i]!),
        long(regions.end[i]!),
        regions.areas[regions.area[i]!]!,
        regions.committed[i]!,
        // 0 for a reserved range, which lies in no other.
        parent < 0 ? 0 : long(regions.start[parent]!),
      ];
    }
    for (let i = 0; i < methods.length; i++) {
      const [start, end] = [long(methods.start[i]!), long(methods.end[i]!)];
      yield [JvmMethod, pid, start, end, methods.level[i]!, methods.methods[methods.method[i]!]!];
    }
  }
}

/** An address as a signed 64-bit value: those of the kernel's half are beyond what a number holds. */
function long(address: number): number | bigint {
  return Number.isSafeInteger(address) ? address : BigInt.asIntN(64, BigInt(address));
}
