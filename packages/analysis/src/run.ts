// SPDX-License-Identifier: Apache-2.0
// One restore, as columns: what faulted, what was prefetched, what was given back, what the machine
// was doing meanwhile, and whose memory it was.

import {
  DEFAULT_MAX_PHYSICAL_BYTES,
  eachFrameRun,
  type GuestMemory,
  PAGE_BYTES,
} from '@rekindle/memory';
import { AnalysisError } from './error.ts';
import { PageGraph } from './page-graph.ts';
import { guessRam, type RamLayout } from './ram.ts';
import { type Column, column, type Table, table } from './table.ts';

/** How pages came in: index into FAULT_ACTIONS of `@rekindle/events`. */
export const COPY = 0;
export const ZERO = 1;
export const RACED = 2;

/** Page faults by time. `ticks` and `duration` in nanoseconds, ticks from the start of the run. */
export type FaultTable = Table<{
  ticks: Column<Float64Array>;
  guestPhysical: Column<Float64Array>;
  action: Column<Uint8Array>;
  write: Column<Uint8Array>;
  region: Column<Int32Array>;
  duration: Column<Float64Array>;
  vcpuThread: Column<Int32Array>;
}>;

/** Runs of pages that were installed before anyone asked. */
export type PrefetchTable = Table<{
  ticks: Column<Float64Array>;
  guestPhysical: Column<Float64Array>;
  pages: Column<Uint32Array>;
  action: Column<Uint8Array>;
  duration: Column<Float64Array>;
}>;

/** Ranges that the guest gave back. */
export type RemovalTable = Table<{
  ticks: Column<Float64Array>;
  guestPhysical: Column<Float64Array>;
  bytes: Column<Float64Array>;
}>;

/** What the virtual machine was doing. */
export type PhaseTable = Table<{
  ticks: Column<Float64Array>;
  duration: Column<Float64Array>;
  phase: Column<readonly string[]>;
  vm: Column<readonly string[]>;
  engine: Column<readonly string[]>;
  accelerator: Column<readonly string[]>;
}>;

/** HTTP requests that asked whether the service answers; status 0 or less: no answer. */
export type ProbeTable = Table<{
  ticks: Column<Float64Array>;
  duration: Column<Float64Array>;
  status: Column<Int32Array>;
  attempt: Column<Int32Array>;
  url: Column<readonly string[]>;
}>;

export interface Run {
  /** What to call it: usually the file's name. */
  readonly name: string;
  readonly faults: FaultTable;
  readonly prefetches: PrefetchTable;
  readonly removals: RemovalTable;
  readonly phases: PhaseTable;
  readonly probes: ProbeTable;
  /**
   * Faults that the pager counted and the recording does not hold, because the recorder lost data; 0
   * where it holds all of them or nothing tells.
   */
  readonly unrecorded: number;
  /** False where the source has an order but no clock (fireCRaCer's log): ticks are then event numbers. */
  readonly timed: boolean;
  /** Nanoseconds from the first event to the end of the last (or events, where not timed). */
  readonly duration: number;
  /** Who owned the pages when the snapshot was taken; undefined when the recording does not say. */
  readonly memory: GuestMemory | undefined;
  readonly ram: RamLayout;
  readonly graph: PageGraph;
}

/** What a source of runs has to bring; the rest follows. */
export interface RunParts {
  readonly name: string;
  readonly faults: FaultTable;
  readonly prefetches?: PrefetchTable;
  readonly removals?: RemovalTable;
  readonly phases?: PhaseTable;
  readonly probes?: ProbeTable;
  readonly unrecorded?: number;
  readonly timed?: boolean;
  readonly memory?: GuestMemory | undefined;
  readonly ram?: RamLayout;
}

const NO_TICKS = (): Column<Float64Array> => column('Start', 'ns', new Float64Array(0));
const NO_ADDRESSES = (): Column<Float64Array> =>
  column('Guest Physical Address', 'address', new Float64Array(0));

const noPrefetches = (): PrefetchTable =>
  table('Prefetches', {
    ticks: NO_TICKS(),
    guestPhysical: NO_ADDRESSES(),
    pages: column('Pages', 'pages', new Uint32Array(0)),
    action: column('Action', 'count', new Uint8Array(0)),
    duration: column('Duration', 'ns', new Float64Array(0)),
  });

const noRemovals = (): RemovalTable =>
  table('Pages Removed', {
    ticks: NO_TICKS(),
    guestPhysical: NO_ADDRESSES(),
    bytes: column('Bytes', 'bytes', new Float64Array(0)),
  });

const noPhases = (): PhaseTable =>
  table('VM Phases', {
    ticks: NO_TICKS(),
    duration: column('Duration', 'ns', new Float64Array(0)),
    phase: column('Phase', 'text', []),
    vm: column('Virtual Machine', 'text', []),
    engine: column('Engine', 'text', []),
    accelerator: column('Accelerator', 'text', []),
  });

const noProbes = (): ProbeTable =>
  table('HTTP Probes', {
    ticks: NO_TICKS(),
    duration: column('Duration', 'ns', new Float64Array(0)),
    status: column('Status', 'count', new Int32Array(0)),
    attempt: column('Attempt', 'count', new Int32Array(0)),
    url: column('URL', 'text', []),
  });

/**
 * Completes a run: where RAM is, who owns it, how long it took.
 *
 * @throws {AnalysisError} `bad-run` for pages where no guest has any
 */
export function makeRun(parts: RunParts): Run {
  const prefetches = parts.prefetches ?? noPrefetches();
  const removals = parts.removals ?? noRemovals();
  const phases = parts.phases ?? noPhases();
  const probes = parts.probes ?? noProbes();
  const { faults, memory, timed = true } = parts;
  const ram = parts.ram ?? guessRam(knownEnds(faults, prefetches, memory));
  if (ram.slots * PAGE_BYTES > DEFAULT_MAX_PHYSICAL_BYTES) {
    throw new AnalysisError(
      'bad-run',
      parts.name,
      `pages up to ${(ram.slots * PAGE_BYTES) / 2 ** 30} GiB, more than any guest that is known here`,
      'check that the recording comes from a pager: guest physical addresses begin at 0',
    );
  }
  let duration = 0;
  for (const answer of [faults, prefetches, removals, phases, probes] as const) {
    const { ticks } = answer.columns;
    const lengths = 'duration' in answer.columns ? answer.columns.duration.values : undefined;
    for (let row = 0; row < answer.rows; row++) {
      duration = Math.max(duration, ticks.values[row]! + (lengths?.[row] ?? 0));
    }
  }
  if (!timed) duration = faults.rows;
  return {
    name: parts.name,
    faults,
    prefetches,
    removals,
    phases,
    probes,
    unrecorded: parts.unrecorded ?? 0,
    timed,
    duration,
    memory,
    ram,
    graph: new PageGraph(memory, ram),
  };
}

function* knownEnds(
  faults: FaultTable,
  prefetches: PrefetchTable,
  memory: GuestMemory | undefined,
): Generator<number> {
  for (const address of faults.columns.guestPhysical.values) yield address + PAGE_BYTES;
  yield* ends(prefetches.columns.guestPhysical.values, prefetches.columns.pages.values);
  if (memory === undefined) return;
  yield* ends(memory.runs.guestPhysical, memory.runs.pages);
  const known: number[] = [memory.frames.count * PAGE_BYTES];
  eachFrameRun(memory.frames, (frame, pages) => known.push((frame + pages) * PAGE_BYTES));
  yield* known;
}

function* ends(addresses: ArrayLike<number>, pages: ArrayLike<number>): Generator<number> {
  for (let run = 0; run < pages.length; run++) yield addresses[run]! + pages[run]! * PAGE_BYTES;
}
