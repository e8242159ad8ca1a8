// SPDX-License-Identifier: Apache-2.0
// Chrome's trace event format as JSON, which Perfetto and chrome://tracing open: events with a duration
// are slices of their thread, others are instants, a few make counters.
import type { Recording } from '../recording.ts';
import type { ClassType } from '../type-model.ts';
import { type Mark, markedTypes, type Track, Tracks } from './tracks.ts';

/** Fields worth a curve. */
const COUNTERS: Readonly<Record<string, readonly string[]>> = {
  'jdk.CPULoad': ['jvmUser', 'jvmSystem', 'machineTotal'],
  'jdk.GCHeapSummary': ['heapUsed'],
  'jdk.JavaThreadStatistics': ['activeCount', 'daemonCount'],
  'jdk.ResidentSetSize': ['size'],
  'jdk.ClassLoadingStatistics': ['loadedClassCount'],
  'jdk.ExceptionStatistics': ['throwables'],
};

/** Characters worth a write. */
const PIECE = 1 << 18;

/** The document in pieces, so that it need not be held whole. */
export async function* chromeTrace(
  recording: Recording,
  select?: (type: ClassType) => boolean,
): AsyncGenerator<string> {
  const tracks = new Tracks();
  const pid = await processId(recording);
  yield `{"displayTimeUnit":"ns","otherData":${JSON.stringify({
    startNanos: String(recording.startNanos),
  })},"traceEvents":[\n`;
  for await (const { type, marks } of markedTypes(recording, tracks, select)) {
    let piece = '';
    for (const mark of marks) {
      piece += `${JSON.stringify(traceEvent(type, mark, pid, tracks))},\n`;
      if (piece.length < PIECE) continue;
      yield piece;
      piece = '';
    }
    yield piece;
  }
  yield `${tracks.all.map((track) => JSON.stringify(threadName(track, pid))).join(',\n')}`;
  const name = { ph: 'M', name: 'process_name', pid, args: { name: 'recording' } };
  yield `${tracks.all.length === 0 ? '' : ',\n'}${JSON.stringify(name)}\n]}\n`;
}

function traceEvent(
  type: ClassType,
  { start, duration, track, arguments: args }: Mark,
  pid: number,
  tracks: Tracks,
): object {
  const common = {
    name: type.label ?? type.name,
    cat: type.category.join(',') || 'Uncategorized',
    // microseconds
    ts: start / 1000,
    pid,
    tid: tracks.id(track),
  };
  const counter = COUNTERS[type.name];
  if (counter !== undefined) {
    const values = Object.fromEntries(counter.map((field) => [field, args[field] ?? 0]));
    return { ph: 'C', ...common, args: values };
  }
  return duration === undefined
    ? { ph: 'i', s: 't', ...common, args }
    : { ph: 'X', ...common, dur: duration / 1000, args };
}

function threadName({ name, id }: Track, pid: number): object {
  return { ph: 'M', name: 'thread_name', pid, tid: id, args: { name } };
}

/** Of the JVM where it is told, else 1. */
async function processId(recording: Recording): Promise<number> {
  const columns = await recording.columns('jdk.JVMInformation');
  const pid = columns.length > 0 && columns.has('pid') ? columns.get('pid').get(0) : 1;
  return typeof pid === 'number' ? pid : 1;
}
