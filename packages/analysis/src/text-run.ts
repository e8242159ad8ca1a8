// SPDX-License-Identifier: Apache-2.0
// A run from the texts of fireCRaCer: memory mapping, fault handler's log, native memory tracking. They
// have an order but no times, so the run's ticks are event numbers, 1 for the first.
import { type FaultLog, FaultLogParser, parseText, readGuestTexts } from '@rekindle/memory';
import { AnalysisError } from './error.ts';
import { COPY, makeRun, type Run, ZERO } from './run.ts';
import { column, table } from './table.ts';

type Text = string | Uint8Array;

export interface RunTexts {
  /** What to call the run. */
  readonly name?: string;
  /** What the fault handler printed; without it there is memory to look at, and nothing happens. */
  readonly faultLog?: Text | undefined;
  /** What the mapping tool printed in the guest. */
  readonly mappings?: Text | undefined;
  /** `VM.native_memory detail` of its JVM. */
  readonly nativeMemory?: Text | undefined;
}

/**
 * Reads the texts as a run. Offsets in the memory file are taken for guest physical addresses, which
 * they are for guests without memory above the PCI hole: the only ones the texts can describe.
 *
 * @throws {MemoryError} for a damaged text; {AnalysisError} `no-run` for a log of no events
 */
export function runFromTexts(texts: RunTexts): Run {
  const name = texts.name ?? 'texts';
  const log = parseText(new FaultLogParser(), texts.faultLog ?? '');
  if (texts.faultLog !== undefined && log.length === 0) {
    throw new AnalysisError(
      'no-run',
      name,
      'no page fault in this log',
      'give the standard output of the fault handler: lines that begin with UFFD_EVENT_PAGEFAULT',
    );
  }
  const { mappings, nativeMemory } = texts;
  const guest =
    mappings === undefined
      ? undefined
      : readGuestTexts({
          mappings,
          ...(nativeMemory === undefined ? {} : { jvms: [{ nativeMemory }] }),
        });
  return makeRun({
    name,
    timed: false,
    memory: guest?.memory,
    faults: faultsOf(log),
    removals: removalsOf(log),
  });
}

function faultsOf(log: FaultLog): Run['faults'] {
  const rows = log.length;
  return table('Page Faults', {
    ticks: column(
      'Event',
      'count',
      Float64Array.from({ length: rows }, (_, i) => i + 1),
    ),
    guestPhysical: column('Guest Physical Address', 'address', log.offset),
    action: column(
      'Action',
      'count',
      log.zeroed.map((zeroed) => (zeroed === 1 ? ZERO : COPY)),
    ),
    write: column('Write', 'flag', log.write),
    region: column('Region', 'count', new Int32Array(rows)),
    duration: column('Duration', 'ns', new Float64Array(rows)),
    vcpuThread: column('vCPU Thread', 'count', log.thread),
  });
}

/** Removals come as host virtual addresses; the first fault tells where the memory lies on the host. */
function removalsOf(log: FaultLog): Run['removals'] {
  const { removals } = log;
  const base = (log.address[0] ?? 0) - (log.offset[0] ?? 0);
  // The address of a fault need not be that of a page.
  const aligned = base - (base % 4096);
  return table('Pages Removed', {
    ticks: column('Event', 'count', Float64Array.from(removals.after)),
    guestPhysical: column(
      'Guest Physical Address',
      'address',
      removals.start.map((start) => Math.max(0, start - aligned)),
    ),
    bytes: column(
      'Bytes',
      'bytes',
      removals.start.map((start, i) => removals.end[i]! - start),
    ),
  });
}
