// SPDX-License-Identifier: Apache-2.0
// A run as the bytes of a recording, the way a real one comes about: the pager's chunk, the host's
// chunk and the memory capture's chunk, one after the other in one file.
import { bufferSource } from '@rekindle/bytes';
import {
  FAULT_ACTIONS,
  HttpProbe,
  PageFault,
  PagesRemoved,
  Prefetch,
  VM_PHASES,
  VmPhase,
} from '@rekindle/events';
import {
  joinRecordings,
  memorySink,
  type RecordedEvent,
  recorded,
  writeRecording,
} from '@rekindle/jfr';
import { writeCapture } from '@rekindle/memory';
import type { Run } from '../run.ts';

/** CLOCK_MONOTONIC and wall clock at the start of the run, nanoseconds. */
const MONOTONIC = 812_345_678_901_234n;
const WALL = 1_767_225_600_000_000_000n;

/** The bytes of a `.jfr` that reads as `run`. */
export async function recordingOf(run: Run): Promise<Uint8Array> {
  const parts = [
    chunk([PageFault, Prefetch, PagesRemoved], pagerEvents(run)),
    chunk([VmPhase, HttpProbe], hostEvents(run)),
  ];
  if (run.memory !== undefined) {
    const sink = memorySink();
    writeCapture(sink, run.memory, { startNanos: WALL - 60_000_000_000n });
    parts.push(sink.bytes());
  }
  const whole = memorySink();
  await joinRecordings(
    parts.map((bytes) => bufferSource(bytes)),
    whole,
  );
  return whole.bytes();
}

function chunk(
  declarations: Parameters<typeof writeRecording>[1]['declarations'],
  events: Iterable<RecordedEvent>,
): Uint8Array {
  const sink = memorySink();
  writeRecording(sink, { declarations, events, startNanos: WALL, startTicks: MONOTONIC });
  return sink.bytes();
}

/** Nanoseconds of the run as ticks of the clock. */
function at(nanos: number): bigint {
  return MONOTONIC + BigInt(Math.round(nanos));
}

function* pagerEvents(run: Run): Generator<RecordedEvent> {
  const fault = run.faults.columns;
  for (let row = 0; row < run.faults.rows; row++) {
    yield recorded(PageFault, {
      startTime: at(fault.ticks.values[row]!),
      duration: BigInt(Math.round(fault.duration.values[row]!)),
      guestPhysical: fault.guestPhysical.values[row]!,
      hostVirtual: 0x7f00_0000_0000 + fault.guestPhysical.values[row]!,
      write: fault.write.values[row] === 1,
      action: FAULT_ACTIONS[fault.action.values[row]!]!,
      vcpuThread: fault.vcpuThread.values[row]!,
      region: fault.region.values[row]!,
    });
  }
  const prefetch = run.prefetches.columns;
  for (let row = 0; row < run.prefetches.rows; row++) {
    yield recorded(Prefetch, {
      startTime: at(prefetch.ticks.values[row]!),
      duration: BigInt(Math.round(prefetch.duration.values[row]!)),
      guestPhysical: prefetch.guestPhysical.values[row]!,
      pages: prefetch.pages.values[row]!,
      bytes: prefetch.pages.values[row]! * 4096,
      action: FAULT_ACTIONS[prefetch.action.values[row]!]!,
      source: 'working set',
    });
  }
  const removal = run.removals.columns;
  for (let row = 0; row < run.removals.rows; row++) {
    yield recorded(PagesRemoved, {
      startTime: at(removal.ticks.values[row]!),
      guestPhysical: removal.guestPhysical.values[row]!,
      bytes: removal.bytes.values[row]!,
    });
  }
}

function* hostEvents(run: Run): Generator<RecordedEvent> {
  const phase = run.phases.columns;
  for (let row = 0; row < run.phases.rows; row++) {
    yield recorded(VmPhase, {
      startTime: at(phase.ticks.values[row]!),
      duration: BigInt(Math.round(phase.duration.values[row]!)),
      vm: phase.vm.values[row]!,
      phase: VM_PHASES.find((name) => name === phase.phase.values[row])!,
      engine: phase.engine.values[row]!,
      accelerator: phase.accelerator.values[row]!,
    });
  }
  const probe = run.probes.columns;
  for (let row = 0; row < run.probes.rows; row++) {
    yield recorded(HttpProbe, {
      startTime: at(probe.ticks.values[row]!),
      duration: BigInt(Math.round(probe.duration.values[row]!)),
      url: probe.url.values[row]!,
      status: probe.status.values[row]!,
      attempt: probe.attempt.values[row]!,
    });
  }
}
