// SPDX-License-Identifier: Apache-2.0
// Recordings small enough to know by heart.
import { type EventDeclaration, RecordingWriter } from '@rekindle/jfr';
import { openFileSink } from '@rekindle/jfr/node';

const Job = {
  name: 'app.Job',
  label: 'Job',
  category: ['App'],
  duration: true,
  thread: true,
  stackTrace: true,
  fields: [
    { name: 'queue', type: 'java.lang.String', label: 'Queue' },
    { name: 'pages', type: 'long', label: 'Pages', unsigned: true },
    { name: 'urgent', type: 'boolean', label: 'Urgent' },
  ],
} as const satisfies EventDeclaration;

const Slot = {
  name: 'app.Slot',
  label: 'Slot',
  category: ['App'],
  fields: [{ name: 'number', type: 'int', label: 'Number' }],
} as const satisfies EventDeclaration;

/** Nanoseconds since 1970 of the first event of {@link writeJobs}. */
export const JOBS_START: bigint = 1_700_000_000_123_456_789n;

export interface JobsOptions {
  /** Number of jobs; each takes a millisecond and is a millisecond after the one before. */
  readonly jobs: number;
  /** Of every how many jobs one is in `app.Work.slow`; the others are in `app.Work.fast`. */
  readonly slowEvery: number;
  /** Number of `app.Slot` events. */
  readonly slots?: number;
  readonly durationNanos?: number;
}

/** Job 0 is slow. Pages are the job's number but for job 1, which has 2^64 - 1. */
export function writeJobs(
  path: string,
  { jobs, slowEvery, slots = 0, durationNanos = 1_000_000 }: JobsOptions,
): void {
  const sink = openFileSink(path);
  const writer = new RecordingWriter(sink, { startNanos: JOBS_START, startTicks: 0n });
  const { pools } = writer;
  const job = writer.event(Job);
  const slot = writer.event(Slot);
  const thread = pools.thread({ osThreadId: 7, javaName: 'worker', javaThreadId: 3 });
  const type = pools.class({ name: 'app.Work' });
  const frame = (name: string, lineNumber: number) => ({
    method: pools.method({ type, name, descriptor: '(I)V' }),
    lineNumber,
    type: 'JIT compiled' as const,
  });
  const slow = pools.stackTrace([frame('slow', 10), frame('run', 1)]);
  const fast = pools.stackTrace([frame('fast', 20), frame('run', 2)]);
  for (let index = 0; index < jobs; index++) {
    const stack = index % slowEvery === 0 ? slow : fast;
    const pages = index === 1 ? 2n ** 64n - 1n : BigInt(index);
    const queue = index % 2 === 0 ? 'even' : 'odd';
    const start = index * 1_000_000;
    writer.write(job, start, durationNanos, thread, stack, queue, pages, index % 3 === 0);
  }
  for (let index = 0; index < slots; index++) writer.write(slot, index, index);
  writer.finish();
  sink.close();
}
